"""A convolutional network for upright digits, loaded from a file, is fine-tuned to pictures that are turned and dim.

Field: transfer learning
Metric: accuracy on turned digits, higher is better; 0.107 without learning
"""

import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


def network():
    """Build a stem, a body and a head."""
    stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
    body = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    head = nn.Sequential(nn.Linear(512, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    return nn.Sequential(stem, body, head)


def pretrain(x, y, path, epochs=8):
    """Train on upright digits and save the weights."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    torch.save(model.state_dict(), path)


@torch.no_grad()
def accuracy(model, x, y):
    """Return the share of right predictions."""
    model.eval()
    return (model(x).argmax(dim=1) == y).float().mean().item()


def finetune(model, x, y, x_valid, y_valid, epochs=20, max_norm=1.0):
    """Train the stem slowly, the head fast; return an average of the weights."""
    ema = torch.optim.swa_utils.get_ema_multi_avg_fn(0.95)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=ema, use_buffers=True)
    stem, body, head = model
    optimizer = torch.optim.SGD(
        [
            {"params": stem.parameters(), "lr": 0.01},
            {"params": body.parameters(), "lr": 0.02},
            {"params": head.parameters(), "lr": 0.05},
        ],
        lr=1e-4,
        momentum=0.9,
        weight_decay=1e-4,
    )
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.2, patience=2)
    scaler = torch.amp.GradScaler("cpu")
    for epoch in range(1, epochs + 1):
        model.train()
        for rows in torch.randperm(len(x)).split(32):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(x[rows])
            loss = F.cross_entropy(logits.float(), y[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), max_norm)
            scaler.step(optimizer)
            scaler.update()
            average.update_parameters(model)
        score = accuracy(model, x_valid, y_valid)
        plateau.step(score)
        if epoch % 5 == 0:
            print(f"epoch {epoch}: loss {loss.item():.4f}, validation {score:.4f}, lr {plateau.get_last_lr()[-1]:.4f}")
    return average


def turned_and_dim(images):
    """Turn pictures by a quarter, with less contrast and some noise."""
    return 0.5 * images.rot90(1, (2, 3)) + 0.25 + 0.1 * torch.randn_like(images)


def main():
    """Pre-train, fine-tune, evaluate."""
    torch.manual_seed(0)
    digits = load_digits()
    images, labels = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16.0, torch.tensor(digits.target)
    order = torch.randperm(len(images))
    upright, turned, labels = images[order], turned_and_dim(images[order]), labels[order]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upright.pt"
        pretrain(upright[:700], labels[:700], path)
        model = network()
        model.load_state_dict(torch.load(path))
    print(f"before: {accuracy(model, turned[1300:], labels[1300:]):.4f}")
    average = finetune(model, turned[700:1150], labels[700:1150], turned[1150:1300], labels[1150:1300])
    print(f"accuracy on turned digits {accuracy(average, turned[1300:], labels[1300:]):.4f}")


if __name__ == "__main__":
    main()
