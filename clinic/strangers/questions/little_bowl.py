import numpy as np
import torch
from torch import nn

torch.manual_seed(4)

model = nn.Sequential(
    nn.Linear(1, 16), nn.ReLU(),
    nn.Linear(16, 16), nn.ReLU(),
    nn.Linear(16, 1),
)
sgd = torch.optim.SGD(model.parameters(), lr=0.001)
loss_function = nn.MSELoss()

inputs = np.zeros((100, 1), dtype=np.float32)
targets = np.zeros((100, 1), dtype=np.float32)
for i in range(100):
    inputs[i] = 0.01 * i
    targets[i, 0] = np.power((inputs[i, 0] - 0.5), 2)
inputs = torch.from_numpy(inputs)
targets = torch.from_numpy(targets)

for step in range(6000):
    prediction = model(inputs)
    loss = loss_function(prediction, targets)
    sgd.zero_grad()
    loss.backward()
    sgd.step()
    if step % 500 == 0:
        print("step", step, "loss", loss.item())

with torch.no_grad():
    prediction = model(inputs)
print("final loss", loss_function(prediction, targets).item())
print("at 0.0, 0.25, 0.5, 0.75:", [round(prediction[k].item(), 4) for k in (0, 25, 50, 75)])
