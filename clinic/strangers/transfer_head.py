import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class SmallCNN(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 2 * 2, num_classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


def loaders(keep):
    d = load_digits()
    X = torch.tensor(d.images / 16.0, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(d.target)
    m = torch.zeros_like(y, dtype=torch.bool)
    for c in keep:
        m |= y == c
    X, y = X[m], y[m] - min(keep)
    n = int(0.8 * len(X))
    perm = torch.randperm(len(X))
    tr, te = perm[:n], perm[n:]
    return (DataLoader(TensorDataset(X[tr], y[tr]), 32, shuffle=True),
            DataLoader(TensorDataset(X[te], y[te]), 128))


def fit(model, optimizer, train, test, epochs, tag):
    for ep in range(epochs):
        model.train()
        s = 0.0
        for x, y in train:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            s += loss.item()
        model.eval()
        with torch.no_grad():
            ok = sum((model(x).argmax(1) == y).sum().item() for x, y in test)
        print(f"[{tag}] epoch {ep + 1} loss {s / len(train):.4f} acc {ok / len(test.dataset):.4f}")


# stage 1: learn features on the digits 0-3
model = SmallCNN(4)
tr, te = loaders([0, 1, 2, 3])
fit(model, torch.optim.Adam(model.parameters(), lr=2e-3), tr, te, 10, "pretrain")

# stage 2: keep the features, learn the digits 4-9
for p in model.parameters():
    p.requires_grad = False
for p in model.fc.parameters():
    p.requires_grad = True
optimizer = torch.optim.Adam(model.fc.parameters(), lr=5e-3)
model.fc = nn.Linear(32 * 2 * 2, 6)
tr, te = loaders([4, 5, 6, 7, 8, 9])
fit(model, optimizer, tr, te, 15, "finetune")
