"""Deep batch-normalised network on digits.

Fault: eval_mode
Fix: call model.train() before each training epoch (evaluate() leaves the network in eval mode)
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.ReLU())


def make_model(depth, width):
    layers = [block(64, width)] + [block(width, width) for _ in range(depth - 1)]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def evaluate(model, loader):
    model.eval()
    loss_sum, correct, count = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss_sum += nn.functional.cross_entropy(out, y, reduction="sum").item()
            correct += (out.argmax(1) == y).sum().item()
            count += len(y)
    return loss_sum / count, correct / count


def train_epoch(model, loader, optimizer):
    for x, y in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    torch.manual_seed(2024)
    X, y = load_digits(return_X_y=True)
    X = X / 16
    tr_x, va_x, tr_y, va_y = train_test_split(X, y, test_size=0.25, random_state=3, stratify=y)
    train_ds = TensorDataset(torch.tensor(tr_x).float(), torch.tensor(tr_y))
    val_ds = TensorDataset(torch.tensor(va_x).float(), torch.tensor(va_y))
    train_dl = DataLoader(train_ds, batch_size=50, shuffle=True)
    val_dl = DataLoader(val_ds, batch_size=256)

    model = make_model(depth=8, width=40)  # clinic: depth=8, width=40 | depth=10, width=32 | depth=7, width=64
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)  # clinic: lr=0.05, momentum=0.9 | lr=0.1
    print("before training: loss %.3f acc %.3f" % evaluate(model, val_dl))
    for epoch in range(10):
        train_epoch(model, train_dl, optimizer)
        val_loss, val_acc = evaluate(model, val_dl)
        print("epoch %d: val loss %.3f acc %.3f" % (epoch + 1, val_loss, val_acc))
