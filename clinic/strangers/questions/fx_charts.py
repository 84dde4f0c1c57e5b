import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

rng = np.random.default_rng(17)
torch.manual_seed(17)

SIDE = 24


def charts(n):
    """Draw n price charts as SIDE x SIDE pictures; label: was the price higher after the next hour."""
    moves = rng.normal(0, 1, size=(n, SIDE + 6))
    price = moves.cumsum(1)
    seen, later = price[:, :SIDE], price[:, -1]
    lo, hi = seen.min(1, keepdims=True), seen.max(1, keepdims=True)
    rows = ((seen - lo) / (hi - lo) * (SIDE - 1)).round().astype(int)
    img = np.zeros((n, 1, SIDE, SIDE), dtype=np.float32)
    for c in range(SIDE):
        img[np.arange(n), 0, SIDE - 1 - rows[:, c], c] = 1.0
    up = (later > seen[:, -1]).astype(np.int64)
    return torch.from_numpy(img), torch.from_numpy(up)


class ChartNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.f1 = nn.Linear(16 * (SIDE // 4) ** 2, 32)
        self.f2 = nn.Linear(32, 2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.c1(x)), 2)
        x = F.max_pool2d(F.relu(self.c2(x)), 2)
        x = F.relu(self.f1(x.flatten(1)))
        return self.f2(x)


net = ChartNet()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for it in range(1, 601):
    pics, up = charts(64)
    logits = net(pics)
    loss = F.cross_entropy(logits, up)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 50 == 0:
        print("iter", it, "loss %.4f" % loss.item(), "acc %.3f" % (logits.argmax(1) == up).float().mean().item())

pics, up = charts(2000)
with torch.no_grad():
    print("held-out accuracy %.3f" % (net(pics).argmax(1) == up).float().mean().item())
