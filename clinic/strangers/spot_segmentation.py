import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def make_data(n, size=32, seed=0):
    g = torch.Generator().manual_seed(seed)
    yy, xx = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    imgs = torch.randn(n, 1, size, size, generator=g)
    masks = torch.zeros(n, 1, size, size)
    for i in range(n):
        cy, cx = torch.randint(4, size - 4, (2,), generator=g).tolist()
        m = ((yy - cy) ** 2 + (xx - cx) ** 2 <= 4).float()
        masks[i, 0] = m
        imgs[i, 0] += 0.8 * m
    return imgs, masks


class DoubleConv(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(cout, cout, 3, padding=1), nn.ReLU(inplace=True))

    def forward(self, x):
        return self.block(x)


class MiniUNet(nn.Module):
    def __init__(self, ch=8):
        super().__init__()
        self.down1 = DoubleConv(1, ch)
        self.down2 = DoubleConv(ch, 2 * ch)
        self.up = nn.ConvTranspose2d(2 * ch, ch, 2, stride=2)
        self.conv = DoubleConv(2 * ch, ch)
        self.head = nn.Conv2d(ch, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        return self.head(self.conv(torch.cat([a, self.up(b)], 1)))


def dice(pred, target):
    inter = (pred * target).sum()
    return (2 * inter / (pred.sum() + target.sum() + 1e-6)).item()


if __name__ == "__main__":
    torch.manual_seed(0)
    train_x, train_y = make_data(400, seed=1)
    val_x, val_y = make_data(100, seed=2)
    loader = DataLoader(TensorDataset(train_x, train_y), batch_size=16, shuffle=True)
    model = MiniUNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    for epoch in range(16):
        model.train()
        epoch_loss = 0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(x)
        model.eval()
        with torch.no_grad():
            p = (torch.sigmoid(model(val_x)) > 0.5).float()
        acc = (p == val_y).float().mean().item()
        print(f"Epoch {epoch + 1}/16  loss={epoch_loss / len(train_x):.4f}  pixel acc={acc:.4f}  dice={dice(p, val_y):.4f}")
