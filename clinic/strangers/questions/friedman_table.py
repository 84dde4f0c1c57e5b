import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(14)
X, y = make_friedman1(n_samples=1000, n_features=8, noise=0.5, random_state=14)
X = torch.from_numpy(X).float()
y = torch.from_numpy(y).float()
y = (y - y.mean()) / y.std()

train_dl = DataLoader(TensorDataset(X[:800], y[:800]), batch_size=40, shuffle=True)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
        self.last = nn.Linear(24, 1)

    def forward(self, x):
        return self.last(self.body(x))


net = Regressor()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
mse = nn.MSELoss()

for epoch in range(60):
    losses = []
    for xb, yb in train_dl:
        pred = net(xb)
        loss = mse(pred, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    if epoch % 5 == 4:
        print("epoch", epoch + 1, "mse", round(sum(losses) / len(losses), 4))

with torch.no_grad():
    p = net(X[800:]).flatten()
    t = y[800:]
print("test R2:", round((1 - ((p - t) ** 2).mean() / t.var(unbiased=False)).item(), 4))
