import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


def augment(x):
    x = x.clone()
    dy, dx = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, (dy, dx), (2, 3))
    x = x * (torch.rand(len(x), 1, 1, 1) * 0.4 + 0.8)
    return x + 0.05 * torch.randn_like(x)


def nt_xent(z1, z2, temperature=0.3):
    n = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    sim = z @ z.t() / temperature
    sim.fill_diagonal_(float("-inf"))
    target = torch.cat([torch.arange(n, 2 * n), torch.arange(0, n)])
    return F.cross_entropy(sim, target)


torch.manual_seed(0)
d = load_digits()
X = torch.tensor(d.images / 8 - 1, dtype=torch.float32).unsqueeze(1)
y = d.target
Xtr, Xte, ytr, yte = X[:1300], X[1300:], y[:1300], y[1300:]

backbone = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(128, 64))
projector = nn.Sequential(nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32))
EPOCHS = 25
opt = torch.optim.AdamW(list(backbone.parameters()) + list(projector.parameters()), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)


@torch.no_grad()
def embed(x):
    backbone.eval(), projector.eval()
    z = F.normalize(projector(backbone(x)), dim=1)
    backbone.train(), projector.train()
    return z


def retrieval():
    q = embed(Xte)
    hits = []
    for shift in [(1, 0), (0, 1), (-1, 1), (1, 1)]:
        k = embed(torch.roll(Xte, shift, (2, 3)) + 0.05 * torch.randn_like(Xte))
        hits.append(((q @ k.t()).argmax(1) == torch.arange(len(q))).float().mean())
    return torch.stack(hits).mean().item()


def neighbours():
    sim = embed(torch.roll(Xte, (1, 1), (2, 3))) @ embed(Xtr).t()
    return (torch.tensor(ytr)[sim.argmax(1)] == torch.tensor(yte)).float().mean().item()


print("before: same image found %.3f, 1-NN digit accuracy on shifted images %.3f" % (retrieval(), neighbours()))
for epoch in range(EPOCHS):
    s = 0.0
    for b in torch.randperm(1300).split(130):
        v1, v2 = augment(Xtr[b]), augment(Xtr[b])
        loss = nt_xent(projector(backbone(v1)), projector(backbone(v2)))
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item()
    sched.step()
    if epoch % 4 == 0:
        print(f"epoch {epoch:2d} loss {s / 10:.4f} lr {sched.get_last_lr()[0]:.5f}")
print("after: same image found %.3f, 1-NN digit accuracy on shifted images %.3f" % (retrieval(), neighbours()))
