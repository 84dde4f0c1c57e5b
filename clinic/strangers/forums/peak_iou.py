from typing import Optional

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class IoULoss(nn.Module):
    """1 - intersection over union of two 1-D masks."""

    def __init__(self, thresh: float = 0.5, smooth: float = 1e-6):
        super().__init__()
        self.thresh = thresh
        self.smooth = smooth

    def forward(self, inputs: Tensor, targets: Tensor, weights: Optional[Tensor] = None) -> Tensor:
        inputs = torch.where(inputs > self.thresh, 1.0, 0.0)
        inter = (inputs * targets).sum(-1)
        union = inputs.sum(-1) + targets.sum(-1) - inter
        iou = (inter + self.smooth) / (union + self.smooth)
        loss = 1.0 - iou.mean()
        return loss.requires_grad_(True)


def signals(n: int, length: int = 96, seed: int = 0):
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(length).float()
    x = 0.25 * torch.randn(n, length, generator=g)
    y = torch.zeros(n, length)
    for i in range(n):
        for _ in range(2):
            c = torch.rand(1, generator=g) * (length - 20) + 10
            w = 2 + 3 * torch.rand(1, generator=g)
            x[i] += 1.5 * torch.exp(-0.5 * ((t - c) / w) ** 2)
            y[i] = torch.maximum(y[i], ((t - c).abs() < 2 * w).float())
    return x.unsqueeze(1), y


class PeakNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 12, 9, padding=4), nn.ReLU(),
            nn.Conv1d(12, 12, 9, padding=4), nn.ReLU(),
            nn.Conv1d(12, 1, 1),
        )

    def forward(self, x):
        return torch.sigmoid(self.body(x)).squeeze(1)


def hard_iou(p, y):
    p = (p > 0.5).float()
    i = (p * y).sum()
    return (i / (p.sum() + y.sum() - i + 1e-9)).item()


def main():
    torch.manual_seed(5)
    dl = DataLoader(TensorDataset(*signals(600, seed=1)), batch_size=32, shuffle=True)
    xv, yv = signals(150, seed=2)
    model, criterion = PeakNet(), IoULoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(15):
        total = 0.0
        for x, y in dl:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        with torch.no_grad():
            print(f"epoch {epoch:2d} | loss {total / len(dl):.4f} | val IoU {hard_iou(model(xv), yv):.4f}")


main()
