"""Digits with stochastic gradient descent and a 1/t learning rate.

Fault: dead_units or instability
Fix: start the rate at about 0.3
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

torch.manual_seed(1)
source = load_digits()
examples = torch.tensor(StandardScaler().fit_transform(source.data), dtype=torch.float32)
answers = torch.tensor(source.target)

units = 64
network = nn.Sequential()
network.add_module("in", nn.Linear(64, units))
network.add_module("act1", nn.ReLU())
network.add_module("mid", nn.Linear(units, units))
network.add_module("act2", nn.ReLU())
network.add_module("out", nn.Linear(units, 10))

optimizer = torch.optim.SGD(network.parameters(), lr=5.0)  # clinic: lr=5.0 | lr=4.5 | lr=5.5
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t / 20))
cost = nn.CrossEntropyLoss()

for t in range(400):  # clinic: 400 | 300
    rows = torch.randint(len(examples), (50,))  # clinic: 50 | 80
    loss = cost(network(examples[rows]), answers[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if (t + 1) % 50 == 0:
        print(f"t = {t + 1}: rate {schedule.get_last_lr()[0]:.4f}, loss {loss.item():.4f}")

with torch.no_grad():
    scores = network(examples)
    print(
        f"loss {cost(scores, answers).item():.4f}, accuracy {(scores.argmax(1) == answers).float().mean().item():.3f}"
    )
