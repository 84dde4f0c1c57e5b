"""Batches of half of the data, 15 epochs: what SGD makes of them, and LARS and LAMB, each at the best of some rates.

python examples/spread/large_batch.py
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from descend.optim import LAMB, LARS, SGD
from descend.schedules import Cosine, Scheduler

EPOCHS, BATCH, TRAIN = 15, 600, 1200
STEPS = EPOCHS * TRAIN // BATCH
RULES = {SGD: (0.1, 0.3, 1.0), LARS: (10.0, 30.0, 100.0), LAMB: (0.03, 0.1, 0.3)}

torch.set_num_threads(1)
pixels, digits = load_digits(return_X_y=True)
x, y = torch.tensor(pixels / 16 - 0.5, dtype=torch.float32), torch.tensor(digits)


def held_out_accuracy(rule, lr):
    torch.manual_seed(0)
    layers = [layer for _ in range(3) for layer in (nn.Linear(64, 64), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    optimizer = rule(model.parameters(), lr=lr)
    scheduler = Scheduler(optimizer, lr=Cosine(STEPS - STEPS // 5).after_warmup(STEPS // 5))
    loader = DataLoader(TensorDataset(x[:TRAIN], y[:TRAIN]), batch_size=BATCH, shuffle=True)
    for _ in range(EPOCHS):
        for inputs, labels in loader:
            optimizer.zero_grad()
            cross_entropy(model(inputs), labels).backward()
            optimizer.step()
            scheduler.step()
    with torch.no_grad():
        return float((model(x[TRAIN:]).argmax(1) == y[TRAIN:]).float().mean())


for rule, rates in RULES.items():
    best, lr = max((held_out_accuracy(rule, lr), lr) for lr in rates)
    print(f"{rule.__name__}, lr {lr}: {best:.1%} of the held-out digits right after {STEPS} steps of {BATCH}")
