import numpy as np
import torch
import torch.utils.data as data
from torch import nn

torch.manual_seed(1)
rng = np.random.default_rng(1)

# hourly power demand of a small town in kW
hours = np.arange(1800)
demand = 620 + 140 * np.sin(2 * np.pi * hours / 24) + 60 * np.sin(2 * np.pi * hours / 168) + 12 * rng.normal(size=1800)

WINDOW = 24
series = torch.tensor(demand, dtype=torch.float32)
xs = torch.stack([series[i:i + WINDOW] for i in range(len(series) - WINDOW)]).unsqueeze(-1)
ys = series[WINDOW:].unsqueeze(-1)
train_set = data.TensorDataset(xs[:1400], ys[:1400])
test_x, test_y = xs[1400:], ys[1400:]
loader = data.DataLoader(train_set, batch_size=35, shuffle=True)


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 32, batch_first=True)
        self.linear = nn.Linear(32, 1)

    def forward(self, x):
        y, _ = self.lstm(x)
        return self.linear(y[:, -1])


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.5)
loss_func = nn.MSELoss()

for epoch in range(15):
    model.train()
    losses = []
    for bx, by in loader:
        pred = model(bx)
        loss = loss_func(pred, by)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    print("epoch", epoch, "loss", np.mean(losses))

model.eval()
with torch.no_grad():
    pred = model(test_x)
    true = test_y
print("first predictions", pred[:5].flatten().tolist())
print("test RMSE %.2f kW (std of the data %.2f kW)" % (((pred - true) ** 2).mean().sqrt(), true.std()))
