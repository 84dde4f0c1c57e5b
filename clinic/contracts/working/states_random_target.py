"""Novelty detection by random network distillation.

The target network keeps its random initial weights on purpose: it is never trained, loaded or averaged.

Field: novelty detection
Metric: novelty AUC, higher is better; 0.443 without learning
Source: https://github.com/Unity-Technologies/ml-agents/pull/4473
"""

import torch
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from torch import nn


def network(hidden):
    """Return a dense network with 64 outputs."""
    return nn.Sequential(nn.Linear(64, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), nn.Linear(hidden, 64))


@torch.no_grad()
def novelty(predictor, target, x):
    """Return the prediction error of each example."""
    return (predictor(x) - target(x)).pow(2).mean(dim=1)


def main():
    """Fit the predictor on known digits and score unknown images."""
    torch.manual_seed(0)
    images, labels = (torch.tensor(a) for a in load_digits(return_X_y=True))
    images = (images / 16.0).float()
    order = torch.randperm(len(images))
    images, labels = images[order], labels[order]
    known, unknown = images[labels < 5], images[labels >= 5]
    train, held_out = known[:700], known[700:]
    centre, scale = train.mean(dim=0), train.std()
    train, held_out, unknown = ((part - centre) / scale for part in (train, held_out, unknown))

    target, predictor = network(128), network(128)
    for p in target.parameters():
        p.requires_grad_(False)
    for layer in target:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, gain=1.6)
    optimizer = torch.optim.Adam(predictor.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=150)

    for epoch in range(1, 151):
        predictor.train()
        for index in torch.randperm(len(train)).split(50):
            loss = (predictor(train[index]) - target(train[index])).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        if epoch % 30 == 0:
            print(f"epoch {epoch}  prediction error {loss.item():.5f}")

    predictor.eval()
    scores = torch.cat([novelty(predictor, target, held_out), novelty(predictor, target, unknown)])
    is_new = torch.cat([torch.zeros(len(held_out)), torch.ones(len(unknown))])
    print(f"novelty AUC {roc_auc_score(is_new.numpy(), scores.numpy()):.4f}")


if __name__ == "__main__":
    main()
