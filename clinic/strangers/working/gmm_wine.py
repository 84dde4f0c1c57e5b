import math

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class DiagonalGMM(torch.nn.Module):
    """Mixture of Gaussians with diagonal covariances, fitted by gradient."""

    def __init__(self, centers):
        super().__init__()
        k, d = centers.shape
        self.means = torch.nn.Parameter(centers.clone())
        self.log_std = torch.nn.Parameter(torch.zeros(k, d))
        self.logits = torch.nn.Parameter(torch.zeros(k))

    def joint(self, x):
        z = (x[:, None, :] - self.means) * torch.exp(-self.log_std)
        log_prob = -0.5 * (z ** 2 + math.log(2 * math.pi)) - self.log_std
        return log_prob.sum(-1) + torch.log_softmax(self.logits, 0)

    def forward(self, x):
        return torch.logsumexp(self.joint(x), dim=1)


def spread_out_points(x, k, rng):
    """k-means++ style choice of initial centres."""
    chosen = [x[rng.integers(len(x))]]
    for _ in range(k - 1):
        d2 = ((x[:, None] - np.array(chosen)[None]) ** 2).sum(-1).min(1)
        chosen.append(x[rng.choice(len(x), p=d2 / d2.sum())])
    return torch.tensor(np.array(chosen))


def main():
    data = load_wine()
    x_train, x_test, y_train, y_test = train_test_split(
        data.data, data.target, test_size=0.3, random_state=3, stratify=data.target)
    scaler = StandardScaler().fit(x_train)
    pca = PCA(4, random_state=0).fit(scaler.transform(x_train))
    x_train = pca.transform(scaler.transform(x_train)).astype(np.float32)
    x_test = pca.transform(scaler.transform(x_test)).astype(np.float32)

    model = DiagonalGMM(spread_out_points(x_train, 3, np.random.default_rng(0)))
    xt, xv = torch.from_numpy(x_train), torch.from_numpy(x_test)
    opt = torch.optim.Adam(model.parameters(), lr=0.03, maximize=True)
    print(f"before: test log-likelihood {model(xv).mean().item():.3f}")
    for step in range(300):
        opt.zero_grad(set_to_none=True)
        score = model(xt).mean()
        score.backward()
        opt.step()
        if step % 50 == 0 or step == 299:
            print(f"step {step:3d}  train log-likelihood {score.item():.4f}")
    with torch.no_grad():
        test_ll = model(xv).mean().item()
        cluster = model.joint(xv).argmax(1).numpy()
    print("weights", torch.softmax(model.logits, 0).detach().numpy().round(3))
    print(f"test log-likelihood {test_ll:.3f}")
    print(f"test adjusted Rand index {adjusted_rand_score(y_test, cluster):.3f}")


if __name__ == "__main__":
    main()
