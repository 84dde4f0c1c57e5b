"""A deep tanh network with Xavier initialisation on two noisy interleaved rings.

Fault: none
Looks like: vanishing_gradients or saturated_units, since there are eight tanh layers in a row; Xavier's scale keeps the gradients alive down to the first one.
Metric: accuracy, higher is better; 0.497 without learning
"""

import torch
import torch.nn as nn
from sklearn.datasets import make_circles

SEED = 0  # clinic: 0 | 4
DEPTH = 8  # clinic: 8 | 6 | 10
WIDTH = 48

torch.manual_seed(SEED)
points, target = make_circles(n_samples=3000, factor=0.45, noise=0.22, random_state=SEED)
points = torch.tensor(points / points.std(axis=0), dtype=torch.float32)
target = torch.tensor(target, dtype=torch.float32)

layers = []
for k in range(DEPTH):
    layers += [nn.Linear(2 if k == 0 else WIDTH, WIDTH), nn.Tanh()]
layers.append(nn.Linear(WIDTH, 1))
model = nn.Sequential(*layers)


def init(m):
    if isinstance(m, nn.Linear):
        nn.init.xavier_uniform_(m.weight, gain=nn.init.calculate_gain("tanh") if m.out_features > 1 else 1.0)
        nn.init.zeros_(m.bias)


model.apply(init)
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.008, momentum=0.9)  # clinic: lr=0.008 | lr=0.006

ema = 0.0
for it in range(500):
    idx = torch.randint(0, len(points), (100,))
    loss = criterion(model(points[idx]).flatten(), target[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    ema = loss.item() if it == 0 else 0.97 * ema + 0.03 * loss.item()
    if it % 100 == 99:
        with torch.no_grad():
            acc = ((model(points).flatten() > 0) == (target > 0.5)).float().mean().item()
        print(f"iter {it + 1}: loss {ema:.4f} accuracy {acc:.3f}")
