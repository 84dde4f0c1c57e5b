"""Siamese embedding for sensor signatures, trained on pairs."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.neighbors import KNeighborsClassifier
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)
np.random.seed(0)

N_CLASSES, N_FEAT = 8, 30


def make_signatures(n):
    rng = np.random.RandomState(7)
    centers = rng.randn(N_CLASSES, 6) * 1.6
    mix, _ = np.linalg.qr(rng.randn(N_FEAT, N_FEAT))
    y = np.random.randint(0, N_CLASSES, n)
    useful = centers[y] + 0.6 * np.random.randn(n, 6)
    background = 3.0 * np.random.randn(n, N_FEAT - 6)
    x = np.concatenate([useful, background], axis=1) @ mix
    return x.astype(np.float32), y


class PairDataset(Dataset):
    """Every item is (x1, x2, target): half of the pairs come from one class."""

    def __init__(self, x, y):
        self.x, self.y = x, y
        self.by_class = [np.where(y == c)[0] for c in range(N_CLASSES)]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        same = np.random.rand() < 0.5
        if same:
            c = self.y[i]
        else:
            c = np.random.choice([k for k in range(N_CLASSES) if k != self.y[i]])
        j = np.random.choice(self.by_class[c])
        return self.x[i], self.x[j], np.float32(same)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, z1, z2, target):
        d = F.pairwise_distance(z1, z2)
        near = (1 - target) * d.pow(2)
        far = target * F.relu(self.margin - d).pow(2)
        return 0.5 * (near + far).mean()


class Embedder(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(N_FEAT, 64), nn.ReLU(),
            nn.Linear(64, 64), nn.ReLU(),
            nn.Linear(64, dim),
        )

    def forward(self, x):
        return self.net(x)


def knn_accuracy(model, x_train, y_train, x_test, y_test):
    model.eval()
    with torch.no_grad():
        gallery = model(torch.from_numpy(x_train)).numpy()
        queries = model(torch.from_numpy(x_test)).numpy()
    knn = KNeighborsClassifier(n_neighbors=5).fit(gallery, y_train)
    return knn.score(queries, y_test)


def main():
    x, y = make_signatures(3000)
    x_train, y_train, x_test, y_test = x[:2400], y[:2400], x[2400:], y[2400:]
    mean, std = x_train.mean(0), x_train.std(0)
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

    loader = DataLoader(PairDataset(x_train, y_train), batch_size=64, shuffle=True)
    model = Embedder()
    criterion = ContrastiveLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.5)

    for epoch in range(16):
        model.train()
        total = 0.0
        for x1, x2, target in loader:
            optimizer.zero_grad()
            loss = criterion(model(x1), model(x2), target)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        print(f"epoch {epoch + 1:2d}  loss {total / len(loader):.4f}")

    print(f"knn accuracy: {knn_accuracy(model, x_train, y_train, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
