"""predict the next value of a time series from the last 24 values

Fault: frozen_or_detached
Fix: Keep the summary in torch (torch.cat of states.mean(dim=1) and states[:, -1]) without detach().
"""

# predict the next value of a time series from the last 24 values
import numpy as np
import torch
import torch.nn as nn

np.random.seed(11)
torch.manual_seed(11)

WINDOW = 24
HIDDEN = 24


def make_series(n=1500):
    t = np.arange(n)
    s = np.sin(2 * np.pi * t / 24) + 0.6 * np.sin(2 * np.pi * t / 7.3 + 1) + 0.4 * np.sin(2 * np.pi * t / 3.7)
    s = s + 0.05 * np.random.randn(n)
    return (s - s.mean()) / s.std()


def make_windows(series):
    X, Y = [], []
    for i in range(len(series) - WINDOW):
        X.append(series[i:i + WINDOW])
        Y.append(series[i + WINDOW])
    X = np.array(X, dtype=np.float32)[:, :, None]
    Y = np.array(Y, dtype=np.float32)[:, None]
    return X, Y


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(input_size=1, hidden_size=HIDDEN, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * HIDDEN, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x):
        states, _ = self.rnn(x)
        # summary = average state over the window + the last state
        states = states.detach().numpy()
        summary = np.concatenate([states.mean(axis=1), states[:, -1]], axis=1)
        return self.head(torch.from_numpy(summary))


X, Y = make_windows(make_series())
n_train = 1200
X_train, Y_train = torch.from_numpy(X[:n_train]), torch.from_numpy(Y[:n_train])
X_test, Y_test = torch.from_numpy(X[n_train:]), torch.from_numpy(Y[n_train:])

model = Forecaster()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003)

for epoch in range(1, 41):
    order = np.random.permutation(n_train)
    losses = []
    for k in range(0, n_train, 40):
        i = order[k:k + 40]
        optimizer.zero_grad()
        pred = model(X_train[i])
        loss = loss_fn(pred, Y_train[i])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 4 == 0:
        with torch.no_grad():
            test = loss_fn(model(X_test), Y_test).item()
        print(f"epoch {epoch:3d}   train {np.mean(losses):.5f}   test {test:.5f}")
