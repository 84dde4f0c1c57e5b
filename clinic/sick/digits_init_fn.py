"""Digits with a fully connected network and a custom initialisation function.

Fault: dead_units or bad_initialisation
Fix: start the biases at zero
"""

import torch
from sklearn import datasets
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)


def init_params(module):
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.constant_(module.bias, -6.0)  # clinic: -6.0 | -8.0 | -5.5


def accuracy(clf, x, y):
    with torch.no_grad():
        return (clf(x).argmax(dim=-1) == y).float().mean().item()


digits = datasets.load_digits()
x = torch.tensor(digits.data, dtype=torch.float32)
x = (x - x.mean()) / x.std()
y = torch.tensor(digits.target)
x_train, y_train, x_val, y_val = x[:1400], y[:1400], x[1400:], y[1400:]
train_dl = DataLoader(TensorDataset(x_train, y_train), batch_size=50, shuffle=True)

width = 80  # clinic: 80 | 50 | 120
clf = nn.Sequential(
    nn.Linear(64, width),
    nn.ReLU(),
    nn.Linear(width, width),
    nn.ReLU(),
    nn.Linear(width, 10),
)
clf.apply(init_params)

loss_func = nn.CrossEntropyLoss()
weights = clf.parameters()
opt = torch.optim.SGD(weights, lr=0.05, momentum=0.9)  # clinic: SGD(weights, lr=0.05, momentum=0.9) | Adam(weights)
for epoch in range(10):
    epoch_loss = 0.0
    for inputs, labels in train_dl:
        loss = loss_func(clf(inputs), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        epoch_loss += loss.item()
    print(f"{epoch + 1}: loss {epoch_loss / len(train_dl):.4f} val acc {accuracy(clf, x_val, y_val):.3f}")
