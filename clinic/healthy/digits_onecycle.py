"""Digits with shifted images and the one-cycle policy.

Fault: none
Looks like: schedule, since the scheduler is stepped once per batch; OneCycleLR is made for that and its total number of steps is epochs times batches.
Metric: acc, higher is better; 0.0972 without learning
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)  # clinic: seed(0) | seed(6)
EPOCHS, BS = 14, 60  # clinic: 14, 60 | 14, 90 | 18, 60

imgs, labels = load_digits(return_X_y=True)
imgs = torch.tensor(imgs).float().sub(4.9).div(6.0).reshape(-1, 1, 8, 8)
labels = torch.tensor(labels)
n_batches = len(imgs) // BS


def random_shift(x):
    dx, dy = torch.randint(-1, 2, (2,)).tolist()
    return torch.roll(x, shifts=(dy, dx), dims=(2, 3))


model = nn.Sequential()
model.add_module("conv1", nn.Conv2d(1, 16, 3, padding=1))
model.add_module("relu1", nn.ReLU())
model.add_module("conv2", nn.Conv2d(16, 32, 3, stride=2, padding=1))
model.add_module("relu2", nn.ReLU())  # clinic: nn.ReLU() | nn.ELU()
model.add_module("flat", nn.Flatten())
model.add_module("fc", nn.Linear(32 * 16, 10))

optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.12, epochs=EPOCHS, steps_per_epoch=n_batches)

for epoch in range(EPOCHS):
    perm = torch.randperm(len(imgs))
    epoch_loss, right = 0.0, 0
    for b in range(n_batches):
        pick = perm[b * BS : (b + 1) * BS]
        logits = model(random_shift(imgs[pick]))
        loss = F.cross_entropy(logits, labels[pick], label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        epoch_loss += loss.item() / n_batches
        right += (logits.argmax(1) == labels[pick]).sum().item()
    print(
        f"epoch {epoch:2d}  lr {scheduler.get_last_lr()[0]:.5f}  loss {epoch_loss:.4f} acc {right / n_batches / BS:.3f}"
    )
