import numpy as np
import torch

rng = np.random.RandomState(0)
xs = np.linspace(-1, 1, 1000)
ys = np.sin(3 * xs) + 0.3 * xs ** 2 + rng.normal(0, 0.1, 1000)

x = torch.tensor(xs, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(ys, dtype=torch.float32).unsqueeze(1)
powers = torch.arange(1, 6)
feats = x ** powers

model = torch.nn.Sequential(torch.nn.Linear(5, 1), torch.nn.Flatten(0, 1))
loss_fn = torch.nn.MSELoss(reduction="sum")
learning_rate = 8e-4
optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)

for t in range(2000):
    y_pred = model(feats)
    loss = loss_fn(y_pred, y.squeeze(1))
    if t % 200 == 199:
        print(t + 1, round(loss.item(), 3))
    model.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    r = (model(feats) - y.squeeze(1))
print("rmse %.4f (noise 0.1), std of y %.4f" % (r.pow(2).mean().sqrt().item(), y.std().item()))
