import random
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

random.seed(11)
np.random.seed(11)
torch.manual_seed(11)

BATCH = 50
EPOCHS = 30
LR = 0.05
MAX_SHIFT = 2

digits = load_digits()
order = np.random.permutation(len(digits.images))
imgs = torch.tensor(digits.images[order], dtype=torch.float32) / 16
labs = torch.tensor(digits.target[order])
train_x, train_y = imgs[:1400], labs[:1400]
test_x, test_y = imgs[1400:], labs[1400:]

model = nn.Sequential(
    nn.Unflatten(1, (1, 8)),
    nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(),
    nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(48 * 4 * 4, 96), nn.ReLU(),
    nn.Linear(96, 10),
)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)

for epoch in range(EPOCHS):
    perm = torch.randperm(len(train_x))
    total = 0
    for i in range(0, len(perm), BATCH):
        idx = perm[i:i + BATCH]
        images, labels = train_x[idx], train_y[idx]

        # random shift, the digits should be recognised wherever they are
        s = (random.randint(-MAX_SHIFT, MAX_SHIFT), random.randint(-MAX_SHIFT, MAX_SHIFT))
        images = torch.roll(images, s, dims=(0, 1))

        opt.zero_grad()
        out = model(images)
        loss = loss_fn(out, labels)
        loss.backward()
        opt.step()
        total += loss.item()
    print('epoch', epoch, 'loss', round(total / (len(perm) // BATCH), 4))

with torch.no_grad():
    pred = model(test_x).argmax(1)
print('test acc:', (pred == test_y).float().mean().item())
