"""Three vineyards told apart by the chemistry of their wines; measurements are standardised on the way into the network.

Fault: evaluated_on_other_inputs
Fix: standardise the wines of the test, too, by the same mean and deviation
"""

import torch
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(6)
data = load_wine()
x = torch.tensor(data.data, dtype=torch.float32)
y = torch.tensor(data.target)
order = torch.randperm(len(x))
train, test = order[:120], order[120:]
mean, std = x[train].mean(0), x[train].std(0)

hidden = 32  # clinic: 32 | 24 | 64
model = nn.Sequential(nn.Linear(13, hidden), nn.ReLU(), nn.Linear(hidden, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
for epoch in range(40):
    model.train()
    for batch in torch.randperm(len(train)).split(24):
        rows = train[batch]
        loss = nn.functional.cross_entropy(model((x[rows] - mean) / std), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = model(x[test]).argmax(1) == y[test]
    if epoch % 8 == 7:
        print(f"epoch {epoch + 1}: training loss {loss.item():.3f}, test accuracy {right.float().mean().item():.3f}")
