import random

import numpy as np
import torch
from torch import nn

random.seed(0)
torch.manual_seed(0)

threshold = 50000
samples = 2000

train_data = []
for i in range(samples):
    train_data.append([random.randrange(0, threshold), 0])
    train_data.append([random.randrange(threshold, 2 * threshold), 1])
random.shuffle(train_data)
data_set = np.array(train_data)

input_value = torch.tensor(data_set[:, 0:1], dtype=torch.float32)
expected_result = torch.tensor(data_set[:, 1:2], dtype=torch.float32)


class Above(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(1, 3)
        self.b = nn.Linear(3, 5)
        self.c = nn.Linear(5, 1)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(self.b(x))
        x = torch.relu(self.c(x))
        return x.clamp(1e-7, 1 - 1e-7)


model = Above()
optimizer = torch.optim.Adam(model.parameters())
loss_fn = nn.BCELoss()
batch_size = 5

for epoch in range(10):
    tot, hits = 0.0, 0
    order = torch.randperm(len(input_value))
    for start in range(0, len(order), batch_size):
        pick = order[start:start + batch_size]
        p = model(input_value[pick])
        loss = loss_fn(p, expected_result[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        tot += loss.item() * len(pick)
        hits += ((p > 0.5).float() == expected_result[pick]).sum().item()
    print(f"Epoch {epoch + 1}/10 loss: {tot / len(order):.4f} acc: {hits / len(order):.4f}")

with torch.no_grad():
    acc = ((model(input_value) > 0.5).float() == expected_result).float().mean().item()
print("Accuracy: %.2f" % (acc * 100))
