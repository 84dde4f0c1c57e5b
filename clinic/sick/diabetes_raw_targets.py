"""Diabetes progression score, mini-batch SGD with early logging.

Fault: targets_not_scaled or instability
Fix: standardise the targets, (target - mean) / std, and undo it for predictions (on the raw scale only rates of 1e-4 and below work)
"""
import torch
from sklearn.datasets import load_diabetes

torch.manual_seed(0)  # clinic: 0 | 6

raw = load_diabetes(scaled=False)
features = torch.tensor(raw.data, dtype=torch.float32)
features = (features - features.mean(0)) / features.std(0)
target = torch.tensor(raw.target, dtype=torch.float32)

n_train = 350
shuffle = torch.randperm(len(features))
features, target = features[shuffle], target[shuffle]
train_x, train_y = features[:n_train], target[:n_train]
test_x, test_y = features[n_train:], target[n_train:]


class Regressor(torch.nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.first = torch.nn.Linear(10, hidden)
        self.second = torch.nn.Linear(hidden, hidden)
        self.last = torch.nn.Linear(hidden, 1)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(self.second(x))
        return self.last(x).view(-1)


model = Regressor(hidden=32)  # clinic: 32 | 64
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)  # clinic: lr=0.02 | lr=0.01


def r_squared(x, t):
    with torch.no_grad():
        return (1 - (model(x) - t).pow(2).mean() / t.var(unbiased=False)).item()


for epoch in range(25):
    for rows in torch.randperm(n_train).split(25):
        loss = torch.nn.functional.mse_loss(model(train_x[rows]), train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 6 == 0:
        print(
            f"epoch {epoch:2d}  loss {loss.item():.3f}  train R2 {r_squared(train_x, train_y):.3f}  test R2 {r_squared(test_x, test_y):.3f}"
        )
