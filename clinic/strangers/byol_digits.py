import copy
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

torch.manual_seed(0)
d = load_digits()
X = torch.tensor(d.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = d.target


def augment(x):
    n = len(x)
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, (dx, dy), dims=(2, 3))
    x = x * (0.7 + 0.6 * torch.rand(n, 1, 1, 1)) + 0.1 * torch.randn_like(x)
    mask = (torch.rand(n, 1, 8, 8) > 0.15).float()
    return x * mask


def mlp(i, h, o):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, o))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(),
            nn.Linear(32 * 16, 64))
        self.project = mlp(64, 128, 32)

    def forward(self, x):
        return self.project(self.features(x))


online = Encoder()
predictor = mlp(32, 64, 32)
target = copy.deepcopy(online)
for p in target.parameters():
    p.requires_grad = False

opt = torch.optim.Adam(list(online.parameters()) + list(predictor.parameters()), lr=1e-3, weight_decay=1e-5)


@torch.no_grad()
def update_target(tau):
    for po, pt in zip(online.parameters(), target.parameters()):
        pt.data = tau * pt.data + (1 - tau) * po.data


def regression_loss(p, z):
    return 2 - 2 * F.cosine_similarity(p, z.detach(), dim=-1).mean()


def probe():
    online.eval()
    with torch.no_grad():
        f = online.features(X).numpy()
    online.train()
    return LogisticRegression(max_iter=300).fit(f[:300], y[:300]).score(f[1000:], y[1000:])


print("probe before:", round(probe(), 3))
for epoch in range(1, 31):
    tot = 0.0
    perm = torch.randperm(len(X))
    nb = 0
    for i in range(0, len(X) - 128, 128):
        x = X[perm[i:i + 128]]
        v1, v2 = augment(x), augment(x)
        with torch.no_grad():
            t1, t2 = target(v1), target(v2)
        loss = regression_loss(predictor(online(v1)), t2) + regression_loss(predictor(online(v2)), t1)
        opt.zero_grad()
        loss.backward()
        opt.step()
        update_target(0.97)
        tot += loss.item(); nb += 1
    if epoch % 5 == 0:
        print(f"epoch {epoch} loss {tot / nb:.4f} probe {probe():.3f}")
