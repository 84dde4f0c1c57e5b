import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(3)
torch.manual_seed(3)

# truth table repeated 5000 times per row
x = np.zeros((20000, 2), dtype=int)
x[5000:10000, 1] += 1
x[10000:15000, 0] += 1
x[15000:, :] += 1
np.random.shuffle(x)
y = np.array([a ^ b for a, b in x])

x_train = torch.tensor(x[:15000], dtype=torch.float32)
y_train = torch.tensor(y[:15000], dtype=torch.float32).unsqueeze(1)
x_test = torch.tensor(x[15000:], dtype=torch.float32)
y_test = torch.tensor(y[15000:], dtype=torch.float32).unsqueeze(1)

model = nn.Sequential(
    nn.Linear(2, 2),
    nn.Linear(2, 2), nn.ReLU(),
    nn.Linear(2, 1), nn.ReLU(),
)
criterion = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
for epoch in range(5):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    print(f"epoch {epoch + 1}/5  loss {total / len(x_train):.4f}")

with torch.no_grad():
    out = model(x_test)
    print("test loss %.4f" % criterion(out, y_test).item())
    print("test accuracy %.3f" % ((out > 0.5).float() == y_test).float().mean().item())
