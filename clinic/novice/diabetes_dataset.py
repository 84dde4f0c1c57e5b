"""Diabetes progression: a first regression.

Fault: broadcasting
Fix: targets of shape (B, 1)
"""

import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler


class DiabetesDataset(Dataset):
    def __init__(self):
        data = load_diabetes()
        self.x = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
        t = data.target
        t = (t - t.mean()) / t.std()
        self.y = torch.tensor(t, dtype=torch.float32)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.l1 = nn.Linear(10, 64)
        self.l2 = nn.Linear(64, 32)
        self.l3 = nn.Linear(32, 1)
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.l1(x))
        x = self.relu(self.l2(x))
        return self.l3(x)


torch.manual_seed(7)
dataset = DiabetesDataset()
loader = DataLoader(dataset, batch_size=32, shuffle=True)
model = Net()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

for epoch in range(100):
    losses = []
    for x, y in loader:
        y_pred = model(x)
        loss = criterion(y_pred, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if (epoch + 1) % 10 == 0:
        print('Epoch %d, MSE loss: %.4f' % (epoch + 1, sum(losses) / len(losses)))

with torch.no_grad():
    p = model(dataset.x)[:, 0]
    ss_res = ((dataset.y - p) ** 2).sum()
    ss_tot = ((dataset.y - dataset.y.mean()) ** 2).sum()
    print('R2 on train: %.3f' % (1 - ss_res / ss_tot).item())
