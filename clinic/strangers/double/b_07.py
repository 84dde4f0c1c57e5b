"""x2 super-resolution of small noisy grey images (SRResNet-like), evaluated with averaged weights."""
import copy
import math
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
np.random.seed(0)

HR = 24


def make_images(n, seed):
    rs = np.random.RandomState(seed)
    yy, xx = np.mgrid[0:HR, 0:HR]
    out = np.zeros((n, 1, HR, HR), dtype=np.float32)
    for i in range(n):
        img = np.full((HR, HR), rs.uniform(0.1, 0.5))
        for _ in range(rs.randint(2, 5)):
            cx, cy, r = rs.uniform(3, HR - 3, 2).tolist() + [rs.uniform(2, 7)]
            val = rs.uniform(0, 1)
            if rs.rand() < 0.5:
                img[(xx - cx) ** 2 + (yy - cy) ** 2 < r * r] = val
            else:
                img[(abs(xx - cx) < r) & (abs(yy - cy) < 0.6 * r)] = val
        out[i, 0] = img
    return torch.from_numpy(out)


class ResBlock(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(ch, ch, 3, padding=1, bias=False), nn.BatchNorm2d(ch), nn.PReLU(),
            nn.Conv2d(ch, ch, 3, padding=1, bias=False), nn.BatchNorm2d(ch),
        )

    def forward(self, x):
        return x + self.body(x)


class SRNet(nn.Module):
    def __init__(self, ch=16, blocks=2):
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(1, ch, 5, padding=2), nn.BatchNorm2d(ch), nn.PReLU())
        self.body = nn.Sequential(*[ResBlock(ch) for _ in range(blocks)])
        self.tail = nn.Sequential(nn.Conv2d(ch, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, lr):
        h = self.head(lr)
        return self.tail(h + self.body(h))


class EMA:
    def __init__(self, model, decay=0.98):
        self.decay = decay
        self.shadow = copy.deepcopy(model)
        self.shadow.eval()
        for p in self.shadow.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)


def psnr(a, b):
    mse = F.mse_loss(a, b).item()
    return -10 * math.log10(mse)


def degrade(x, noise=0.1):
    y = F.avg_pool2d(x, 2)
    return y + noise * torch.randn_like(y)


train_hr, test_hr = make_images(1200, 1), make_images(200, 2)
test_lr = degrade(test_hr)
nearest = F.interpolate(test_lr, scale_factor=2, mode="nearest")
print(f"nearest neighbour: {psnr(nearest, test_hr):.2f} dB")

net = SRNet()
ema = EMA(net)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
epochs, bs = 9, 24
steps = epochs * (len(train_hr) // bs)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps, eta_min=1e-4)
for ep in range(epochs):
    net.train()
    perm = torch.randperm(len(train_hr))
    run = 0.0
    for k in range(len(train_hr) // bs):
        hr = train_hr[perm[k * bs:(k + 1) * bs]]
        sr = net(degrade(hr))
        loss = F.mse_loss(sr, hr)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        ema.update(net)
        run += loss.item()
    if (ep + 1) % 3 == 0:
        print(f"epoch {ep + 1}: mse {run / (len(train_hr) // bs):.5f}")

with torch.no_grad():
    sr = ema.shadow(test_lr).clamp(0, 1)
print(f"test PSNR (dB): {psnr(sr, test_hr):.3f}")
