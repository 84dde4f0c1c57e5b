import numpy as np
import torch
from torch import nn

rng = np.random.RandomState(40)
torch.manual_seed(40)

n = 1200
rain = rng.uniform(200, 900, n)
temp = rng.normal(18, 4, n)
fert = rng.uniform(0, 120, n)
kg = 40 + 0.06 * rain - 0.00004 * (rain - 500) ** 2 - 0.5 * (temp - 19) ** 2 + 12 * np.log1p(fert) + rng.normal(0, 4, n)

table = np.stack([rain, temp, fert], 1)
table = (table - table.mean(0)) / table.std(0)
X = torch.tensor(table, dtype=torch.float32)
Y = torch.tensor(kg, dtype=torch.float32).view(-1, 1)

model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
sse = nn.MSELoss(reduction="sum")
opt = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(200):
    total = 0.0
    for idx in torch.randperm(n).split(64):
        opt.zero_grad()
        loss = sse(model(X[idx]), Y[idx])
        loss.backward()
        opt.step()
        total += loss.item()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: loss {total:.1f}")

with torch.no_grad():
    r = Y - model(X)
print("rmse (kg):", round(r.pow(2).mean().sqrt().item(), 3), " R2:", round((1 - r.pow(2).sum() / (Y - Y.mean()).pow(2).sum()).item(), 4))
