import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset

KINDS = ["square", "plus", "cross", "hbars", "vbars", "disk"]


class Shapes(Dataset):
    def __init__(self, n, seed):
        rng = np.random.RandomState(seed)
        yy, xx = np.mgrid[0:20, 0:20]
        self.items = []
        for i in range(n):
            k = i % len(KINDS)
            cy, cx, s = rng.randint(7, 13), rng.randint(7, 13), rng.randint(4, 7)
            dy, dx = yy - cy, xx - cx
            box = (abs(dy) <= s) & (abs(dx) <= s)
            m = {
                "square": box & ((abs(dy) == s) | (abs(dx) == s)),
                "plus": box & ((dy == 0) | (dx == 0)),
                "cross": box & (abs(dy) == abs(dx)),
                "hbars": box & (dy % 3 == 0),
                "vbars": box & (dx % 3 == 0),
                "disk": dy ** 2 + dx ** 2 <= s ** 2,
            }[KINDS[k]]
            img = 255 * m.astype(np.float32) + rng.normal(0, 20, (20, 20))
            self.items.append((torch.tensor(img.clip(0, 255), dtype=torch.float32)[None], k))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(
            nn.Linear(16 * 3 * 3, 64), nn.ReLU(),
            nn.Linear(64, len(KINDS)), nn.Softmax(dim=1),
        )

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


def accuracy(model, loader):
    model.eval()
    ok = n = 0
    with torch.no_grad():
        for x, t in loader:
            ok += (model(x).argmax(1) == t).sum().item()
            n += len(t)
    return ok / n


def main():
    torch.manual_seed(0)
    train = DataLoader(Shapes(1200, 0), batch_size=32, shuffle=True)
    test = DataLoader(Shapes(300, 1), batch_size=100)
    model = CNN()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(10):
        model.train()
        tot = 0.0
        for x, t in train:
            optimizer.zero_grad()
            loss = criterion(model(x), t)
            loss.backward()
            optimizer.step()
            tot += loss.item()
        print("epoch", epoch, "loss = %.6f" % (tot / len(train)), "test acc = %.3f" % accuracy(model, test))


main()
