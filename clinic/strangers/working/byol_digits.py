"""BYOL on 8x8 digits without labels, then a linear probe with 10 labels per class."""
import copy
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
torch.set_num_threads(1)
STEPS, BATCH, LR, TAU = 450, 96, 2e-3, 0.98


def encoder():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 16, 64),
    )


def mlp(d_in, hidden, d_out):
    return nn.Sequential(nn.Linear(d_in, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, d_out))


def augment(x):
    n = len(x)
    angle = (torch.rand(n) - 0.5) * 0.7
    scale = 1 + (torch.rand(n) - 0.5) * 0.4
    c, s = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = (torch.rand(n, 2) - 0.5) * 0.5
    theta = torch.stack([torch.stack([c, -s, shift[:, 0]], 1), torch.stack([s, c, shift[:, 1]], 1)], 1)
    x = F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)
    return x * (0.7 + 0.6 * torch.rand(n, 1, 1, 1)) + 0.1 * torch.randn_like(x)


def byol_loss(p, z):
    return 2 - 2 * F.cosine_similarity(p, z.detach(), dim=1).mean()


@torch.no_grad()
def probe(net, x_lab, y_lab, x_test, y_test):
    net.eval()
    a, b = net(x_lab).numpy(), net(x_test).numpy()
    net.train()
    mu, sd = a.mean(0), a.std(0) + 1e-6
    clf = LogisticRegression(max_iter=2000, C=0.1).fit((a - mu) / sd, y_lab)
    return clf.score((b - mu) / sd, y_test)


x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16
tr, te = train_test_split(np.arange(len(x)), test_size=0.3, random_state=0, stratify=y)
lab = np.concatenate([tr[y[tr] == c][:10] for c in range(10)])

online, projector, predictor = encoder(), mlp(64, 128, 32), mlp(32, 64, 32)
target = copy.deepcopy(nn.Sequential(online, projector)).requires_grad_(False)
params = [*online.parameters(), *projector.parameters(), *predictor.parameters()]
opt = torch.optim.AdamW(params, lr=LR, weight_decay=1e-4)

data = (x[lab], y[lab], x[te], y[te])
print(f"raw pixels {probe(nn.Flatten(), *data):.4f}, random encoder {probe(online, *data):.4f}")
for it in range(STEPS):
    batch = x[tr[np.random.default_rng(it).integers(len(tr), size=BATCH)]]
    v1, v2 = augment(batch), augment(batch)
    p1, p2 = predictor(projector(online(v1))), predictor(projector(online(v2)))
    with torch.no_grad():
        z1, z2 = target(v1), target(v2)
    loss = byol_loss(p1, z2) + byol_loss(p2, z1)
    opt.zero_grad()
    loss.backward()
    opt.step()
    tau = 1 - (1 - TAU) * (math.cos(math.pi * it / STEPS) + 1) / 2
    with torch.no_grad():
        for t, o in zip(target.parameters(), [*online.parameters(), *projector.parameters()]):
            t.mul_(tau).add_(o, alpha=1 - tau)
    if (it + 1) % 100 == 0:
        print(f"iter {it + 1}  loss {loss.item():.4f}  probe {probe(online, *data):.4f}")
print(f"final linear probe accuracy {probe(online, *data):.4f}")
