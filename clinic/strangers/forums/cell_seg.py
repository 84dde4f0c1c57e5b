import torch
import torch.nn as nn
import torch.nn.functional as F


def make_cells(n, size=24, seed=0):
    g = torch.Generator().manual_seed(seed)
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    imgs, masks = [], []
    for _ in range(n):
        m = torch.zeros(size, size)
        for _ in range(torch.randint(1, 4, (1,), generator=g).item()):
            cy, cx = torch.randint(3, size - 3, (2,), generator=g).tolist()
            r = torch.randint(2, 6, (1,), generator=g).item()
            m = torch.maximum(m, (((yy - cy) ** 2 + (xx - cx) ** 2) <= r * r).float())
        imgs.append(0.8 * m + 0.35 * torch.randn(size, size, generator=g))
        masks.append(m)
    return torch.stack(imgs).unsqueeze(1), torch.stack(masks).unsqueeze(1)


class Block(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(nn.Conv2d(i, o, 3, padding=1), nn.ReLU(inplace=True),
                         nn.Conv2d(o, o, 3, padding=1), nn.ReLU(inplace=True))


class SmallUNet(nn.Module):
    def __init__(self, base=8):
        super().__init__()
        self.d1 = Block(1, base)
        self.d2 = Block(base, base * 2)
        self.up = nn.ConvTranspose2d(base * 2, base, 2, stride=2)
        self.u1 = Block(base * 2, base)
        self.final = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        a = self.d1(x)
        b = self.d2(F.max_pool2d(a, 2))
        x = self.u1(torch.cat([self.up(b), a], dim=1))
        return F.softmax(self.final(x), dim=1)


def dice(p, m):
    p = (p > 0.5).float()
    return (2 * (p * m).sum() / (p.sum() + m.sum() + 1e-6)).item()


torch.manual_seed(0)
xtr, mtr = make_cells(240, seed=1)
xva, mva = make_cells(60, seed=2)
net = SmallUNet()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(10):
    net.train()
    ep_loss = 0
    for b in torch.randperm(len(xtr)).split(16):
        optimizer.zero_grad()
        out = net(xtr[b])
        loss = criterion(out, mtr[b])
        loss.backward()
        optimizer.step()
        ep_loss += loss.item()
    net.eval()
    with torch.no_grad():
        print("epoch", epoch, "loss", round(ep_loss / 15, 4), "val dice", round(dice(net(xva), mva), 4))
