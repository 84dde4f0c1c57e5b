"""One trunk, two heads: which digit it is and how much ink it has.

Fault: none
Looks like: layer_rate_mismatch or over_regularised, since the total is a weighted sum of losses of different size; the weights balance the two tasks and both are learnt.
Metric: test acc, higher is better; 0.1198 without learning
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class TwoHeads(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(0.3))
        self.digit = nn.Linear(width, 10)
        self.ink = nn.Linear(width, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.digit(h), self.ink(h).squeeze(-1)


def load():
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X, dtype=torch.float32)
    ink = X.sum(dim=1)
    ink = (ink - ink.mean()) / ink.std() + 0.3 * torch.randn(len(ink))
    return (X - X.mean()) / X.std(), torch.tensor(y), ink


torch.manual_seed(0)  # clinic: seed(0) | seed(5)
X, y, ink = load()
X_train, X_test = X[:1400], X[1400:]
model = TwoHeads(width=96)  # clinic: width=96 | width=128
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
w_digit, w_ink = 1.0, 0.5  # clinic: 1.0, 0.5 | 1.0, 1.0 | 0.7, 0.3

for epoch in range(16):
    model.train()
    sums = torch.zeros(2)
    order = torch.randperm(1400)
    for i in range(0, 1400, 70):
        batch = order[i : i + 70]
        logits, ink_hat = model(X_train[batch])
        loss_digit = F.cross_entropy(logits, y[batch])
        loss_ink = F.mse_loss(ink_hat, ink[batch])
        loss = w_digit * loss_digit + w_ink * loss_ink
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sums += torch.tensor([loss_digit.item(), loss_ink.item()]) / 20
    if epoch % 3 == 0:
        model.eval()
        with torch.no_grad():
            logits, ink_hat = model(X_test)
            acc = (logits.argmax(1) == y[1400:]).float().mean()
            mse = F.mse_loss(ink_hat, ink[1400:])
        print(f"epoch {epoch}: digit loss {sums[0]:.3f} ink loss {sums[1]:.3f} | test acc {acc:.3f} mse {mse:.3f}")
