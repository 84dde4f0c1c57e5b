import numpy as np
import torch
from torch import nn

torch.manual_seed(5)
np.random.seed(5)

data, labels = [], []
for i in range(100):
    string = np.binary_repr(i, 8)
    data.append([int(k) for k in string])
    labels.append(-1 * (i % 2 - 1))
data = torch.tensor(data, dtype=torch.float32)
labels = torch.tensor(labels, dtype=torch.float32).view(-1, 1)


def dense(n_in, n_out):
    layer = nn.Linear(n_in, n_out)
    nn.init.uniform_(layer.weight, -0.05, 0.05)
    nn.init.zeros_(layer.bias)
    return layer


model = nn.Sequential(
    dense(8, 1), nn.ReLU(),
    dense(1, 2), nn.ReLU(),
    dense(2, 1), nn.Sigmoid(),
)
opt = torch.optim.Adam(model.parameters(), lr=0.001)
bce = nn.BCELoss()

EPOCHS = 10
for epoch in range(1, EPOCHS + 1):
    perm = torch.randperm(100)
    running = 0.0
    for s in range(0, 100, 2):
        idx = perm[s:s + 2]
        opt.zero_grad()
        loss = bce(model(data[idx]), labels[idx])
        loss.backward()
        opt.step()
        running += loss.item()
    print("Epoch %d/%d - loss: %.4f" % (epoch, EPOCHS, running / 50))

with torch.no_grad():
    acc = ((model(data) > 0.5).float() == labels).float().mean().item()
print("acc: %.2f%%" % (acc * 100))
