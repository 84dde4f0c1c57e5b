import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset


class FolderLike(Dataset):
    """Reads the samples class by class, like an image folder on disk."""

    def __init__(self):
        d = load_digits()
        self.items = []
        for c in range(10):
            for img in d.images[d.target == c]:
                self.items.append((img, c))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        img, c = self.items[i]
        return torch.from_numpy(img / 16.0).float().view(-1), c


def evaluate(model, loader):
    model.eval()
    n = ok = 0
    loss = 0.0
    with torch.no_grad():
        for x, y in loader:
            o = model(x)
            loss += F.cross_entropy(o, y, reduction="sum").item()
            ok += (o.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, ok / n


def main():
    torch.manual_seed(0)
    np.random.seed(0)
    ds = FolderLike()
    indices = list(range(len(ds)))
    split = int(0.8 * len(ds))
    train_dl = DataLoader(Subset(ds, indices[:split]), batch_size=32, shuffle=False)
    valid_dl = DataLoader(Subset(ds, indices[split:]), batch_size=128)

    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 10))
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(15):
        model.train()
        run = 0.0
        for x, y in train_dl:
            loss = F.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            run += loss.item()
        vl, va = evaluate(model, valid_dl)
        print(f"epoch {epoch:2d}: train loss {run / len(train_dl):.4f}, valid loss {vl:.4f}, valid acc {va:.4f}")


if __name__ == "__main__":
    main()
