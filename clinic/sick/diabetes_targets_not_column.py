"""Disease progression (diabetes data) with a small MLP.

Fault: broadcasting
Fix: give prediction and target the same shape: criterion(model(xb).squeeze(1), yb) (or yb.unsqueeze(1))
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class DiabetesDataset(Dataset):
    def __init__(self, X, y):
        self.X = torch.tensor(X, dtype=torch.float32)
        self.y = torch.tensor(y, dtype=torch.float32)

    def __len__(self):
        return len(self.X)

    def __getitem__(self, idx):
        return self.X[idx], self.y[idx]


torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True)
X = X / X.std(axis=0)
y = (y - y.mean()) / y.std()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)

train_loader = DataLoader(DiabetesDataset(X_train, y_train), batch_size=32, shuffle=True)  # clinic: 32 | 64
test_loader = DataLoader(DiabetesDataset(X_test, y_test), batch_size=100)

model = nn.Sequential(
    nn.Linear(10, 32),  # clinic: nn.Linear(10, 32) | nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 32)
    nn.ReLU(),
    nn.Linear(32, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)  # clinic: Adam(model.parameters(), lr=0.003) | SGD(model.parameters(), lr=0.05)

for epoch in range(20):
    model.train()
    train_loss = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    if (epoch + 1) % 4 == 0:
        print(f"Epoch [{epoch + 1}/20] train MSE: {train_loss / len(train_loader):.4f}")

model.eval()
with torch.no_grad():
    truth = torch.cat([yb for _, yb in test_loader])
    guess = torch.cat([model(xb)[:, 0] for xb, _ in test_loader])
    r2 = 1 - ((truth - guess) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
print(f"Test R^2: {r2.item():.3f}")
