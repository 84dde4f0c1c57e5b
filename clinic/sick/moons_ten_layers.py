"""Two moons with a very deep, narrow network.

Fault: vanishing_gradients
Fix: ReLU with Kaiming initialisation (or batch normalisation) instead of the sigmoids
"""

import torch
from sklearn.datasets import make_moons
from torch import nn

torch.manual_seed(2)
n_layers = 9  # clinic: 9 | 8 | 12
n_units = 24  # clinic: 24 | 16 | 32

blocks = [nn.Linear(2, n_units), nn.Sigmoid()]
for _ in range(n_layers - 1):
    blocks += [nn.Linear(n_units, n_units), nn.Sigmoid()]
blocks += [nn.Linear(n_units, 1)]
model = nn.Sequential(*blocks)

X, Y = make_moons(500, noise=0.15, random_state=2)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
Y = torch.tensor(Y, dtype=torch.float32).view(-1, 1)

loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=50, shuffle=True)
bce = nn.BCEWithLogitsLoss()
optimiser = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)  # clinic: lr=0.03 | lr=0.02 | lr=0.05

for epoch in range(40):
    for xb, yb in loader:
        optimiser.zero_grad()
        loss = bce(model(xb), yb)
        loss.backward()
        optimiser.step()
    if (epoch + 1) % 8 == 0:
        model.eval()
        with torch.no_grad():
            out = model(X)
            acc = ((out > 0).float() == Y).float().mean().item()
            print(f"epoch {epoch + 1} loss {bce(out, Y).item():.4f} acc {acc:.3f}")
        model.train()
