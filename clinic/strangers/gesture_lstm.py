"""Classify wrist gestures (3-axis accelerometer windows) with an LSTM."""
import argparse
import math
import torch
from torch import nn
from torch.utils.data import Dataset, DataLoader, random_split


class GestureDataset(Dataset):
    names = ["rest", "shake", "circle", "push", "pull", "tap"]

    def __init__(self, n=2400, length=32, noise=0.15):
        g = torch.Generator().manual_seed(3)
        self.y = torch.randint(0, len(self.names), (n,), generator=g)
        t = torch.linspace(0, 1, length)
        self.x = torch.randn(n, length, 3, generator=g) * noise
        env = torch.exp(-((t - 0.5) / 0.13) ** 2)
        for i in range(n):
            ph = torch.rand(1, generator=g).item() * 2 * math.pi
            a = 1.2 + 0.6 * torch.rand(1, generator=g).item()
            k = self.y[i].item()
            if k == 1:
                self.x[i, :, 0] += a * env * torch.sin(2 * math.pi * 6 * t + ph)
            elif k == 2:
                self.x[i, :, 0] += a * env * torch.sin(2 * math.pi * 2 * t + ph)
                self.x[i, :, 1] += a * env * torch.cos(2 * math.pi * 2 * t + ph)
            elif k == 3:
                self.x[i, :, 2] += a * env
            elif k == 4:
                self.x[i, :, 2] -= a * env
            elif k == 5:
                self.x[i, 14:18, 1] += 1.6 * a

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class GestureNet(nn.Module):
    def __init__(self, hidden=48, n_classes=6):
        super().__init__()
        self.rnn = nn.LSTM(input_size=3, hidden_size=hidden, num_layers=1)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(hidden, n_classes)

    def forward(self, x):
        # x: [batch, time, channels]
        h, _ = self.rnn(x)
        last = h[:, -1, :]
        return self.out(self.drop(last))


def evaluate(net, loader):
    net.eval()
    hit = tot = 0
    with torch.no_grad():
        for x, y in loader:
            hit += (net(x).argmax(1) == y).sum().item()
            tot += len(y)
    return hit / tot


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=18)
    p.add_argument("--bs", type=int, default=32)
    p.add_argument("--lr", type=float, default=3e-3)
    args = p.parse_args()

    torch.manual_seed(0)
    ds = GestureDataset()
    tr, va = random_split(ds, [2000, 400], generator=torch.Generator().manual_seed(0))
    tr_loader = DataLoader(tr, batch_size=args.bs, shuffle=True, drop_last=True)
    va_loader = DataLoader(va, batch_size=args.bs)

    net = GestureNet()
    opt = torch.optim.Adam(net.parameters(), lr=args.lr)
    loss_fn = nn.CrossEntropyLoss()

    for ep in range(args.epochs):
        net.train()
        total = 0
        for x, y in tr_loader:
            opt.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            opt.step()
            total += loss.item()
        print(f"epoch {ep + 1:2d}: train loss {total / len(tr_loader):.4f}  val acc {evaluate(net, va_loader):.3f}")


if __name__ == "__main__":
    main()
