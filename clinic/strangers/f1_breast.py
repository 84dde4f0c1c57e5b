# train a classifier directly on the F1 score
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)

data = load_breast_cancer()
xtr, xte, ytr, yte = train_test_split(data.data, data.target, test_size=0.3, random_state=7)
scaler = StandardScaler()
xtr = torch.tensor(scaler.fit_transform(xtr)).float()
xte = torch.tensor(scaler.transform(xte)).float()
ytr = torch.tensor(1 - ytr).float()
yte = torch.tensor(1 - yte).float()


class F1Loss(nn.Module):
    def __init__(self, eps=1e-7):
        super().__init__()
        self.eps = eps

    def forward(self, prob, target):
        pred = prob.round().detach()
        tp = (pred * target).sum()
        fp = (pred * (1 - target)).sum()
        fn = ((1 - pred) * target).sum()
        precision = tp / (tp + fp + self.eps)
        recall = tp / (tp + fn + self.eps)
        f1 = 2 * precision * recall / (precision + recall + self.eps)
        loss = 1 - f1
        loss.requires_grad_(True)
        return loss


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(30, 16)
        self.l2 = nn.Linear(16, 1)

    def forward(self, x):
        x = torch.relu(self.l1(x))
        return torch.sigmoid(self.l2(x)).squeeze(1)


model = Classifier()
criterion = F1Loss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
loader = DataLoader(TensorDataset(xtr, ytr), batch_size=64, shuffle=True)

for epoch in range(60):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if (epoch + 1) % 10 == 0:
        with torch.no_grad():
            acc = ((model(xte) > 0.5).float() == yte).float().mean()
        print(f"epoch {epoch + 1} loss {total / len(loader):.4f} test acc {acc:.4f}")
