import random
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

random.seed(0)
torch.manual_seed(0)


class PairDataset(Dataset):
    def __init__(self, X, y, n_pairs=6400):
        self.X = torch.tensor(X, dtype=torch.float32)
        self.y = y
        self.n_pairs = n_pairs
        self.by_class = {c: [i for i, l in enumerate(y) if l == c] for c in set(y.tolist())}

    def __len__(self):
        return self.n_pairs

    def __getitem__(self, k):
        i = random.randrange(len(self.X))
        c = int(self.y[i])
        if k % 2 == 0:
            j = random.choice(self.by_class[c])
            label = 1.0
        else:
            other = random.choice([d for d in self.by_class if d != c])
            j = random.choice(self.by_class[other])
            label = 0.0
        return self.X[i], self.X[j], torch.tensor(label)


class Embedder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.fc2 = nn.Linear(128, 16)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, a, b, same):
        dist = torch.sqrt(torch.sum((a - b) ** 2, dim=1))
        pos = same * dist ** 2
        neg = (1 - same) * torch.clamp(self.margin - dist, min=0) ** 2
        return torch.mean(pos + neg)


X, y = load_digits(return_X_y=True)
X = X / 16.0
Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
loader = DataLoader(PairDataset(Xtr, ytr), batch_size=64, shuffle=True)
net = Embedder()
crit = ContrastiveLoss()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)

for epoch in range(6):
    run = 0.0
    for a, b, same in loader:
        opt.zero_grad()
        loss = crit(net(a), net(b), same)
        loss.backward()
        opt.step()
        run += loss.item()
    print(f"Epoch {epoch + 1} loss: {run / len(loader)}")

with torch.no_grad():
    etr = net(torch.tensor(Xtr, dtype=torch.float32))
    ete = net(torch.tensor(Xte, dtype=torch.float32))
    nearest = torch.cdist(ete, etr).argmin(1).numpy()
print("1-NN accuracy on embeddings:", (ytr[nearest] == yte).mean())
