"""Denoiser for digit images; noise grows from mild to severe while training."""
import torch
from torch import nn
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

SIGMA_START, SIGMA_END = 0.05, 0.6


def sigma_at(step, total):
    return SIGMA_START + (SIGMA_END - SIGMA_START) * min(1.0, step / (0.7 * total))


def loaders(seed=0):
    x = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
    perm = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return x[perm[:1400]], x[perm[1400:]]


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(64, 256), nn.ReLU(),
            nn.Linear(256, 256), nn.ReLU(),
            nn.Linear(256, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, noisy):
        return self.net(noisy)


def evaluate(model, clean, sigma, seed=123):
    g = torch.Generator().manual_seed(seed)
    noisy = clean + sigma * torch.randn(clean.shape, generator=g)
    model.eval()
    with torch.no_grad():
        mse = (model(noisy) - clean).pow(2).mean().item()
    model.train()
    return mse, noisy


def main():
    torch.manual_seed(1)
    train_x, test_x = loaders()
    model = Denoiser()
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    total = 2000
    before, noisy_test = evaluate(model, test_x, SIGMA_END)

    # references
    mean_mse = (test_x - train_x.mean(0)).pow(2).mean().item()
    pca = PCA().fit(train_x.flatten(1).numpy())
    shrink = pca.explained_variance_ / (pca.explained_variance_ + SIGMA_END ** 2)
    code = pca.transform(noisy_test.flatten(1).numpy()) * shrink
    wiener = ((pca.inverse_transform(code) - test_x.flatten(1).numpy()) ** 2).mean()

    running = 0.0
    for step in range(total):
        sigma = sigma_at(step, total)
        clean = train_x[torch.randint(len(train_x), (64,))]
        loss = (model(clean + sigma * torch.randn_like(clean)) - clean).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item()
        if (step + 1) % 200 == 0:
            print(f"step {step + 1}  sigma {sigma:.2f}  train mse {running / 200:.5f}  "
                  f"test mse at sigma {SIGMA_END}: {evaluate(model, test_x, SIGMA_END)[0]:.5f}")
            running = 0.0
    final, _ = evaluate(model, test_x, SIGMA_END)
    print(f"untrained {before:.5f}  mean image {mean_mse:.5f}  linear filter {wiener:.5f}")
    print(f"final test mse {final:.5f}")


if __name__ == "__main__":
    main()
