"""The MNIST example of PyTorch, on the small digits of scikit-learn.

Fault: none
Looks like: instability from a rate of 1.0 and a loss that gets log-probabilities; Adadelta has rate 1.0 by design and nll_loss wants log-probabilities.
Metric: Accuracy, higher is better; 38 without learning
"""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 48, 3, 1)
        self.dropout1 = nn.Dropout2d(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(192, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = torch.flatten(self.dropout1(x), 1)
        x = self.dropout2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def train(model, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if batch_idx % 10 == 0 and epoch % 3 == 0:
            print(f"Train Epoch: {epoch} [{batch_idx}/{len(train_loader)}]\tLoss: {loss.item():.6f}")


def test(model, data, target):
    model.eval()
    with torch.no_grad():
        output = model(data)
        test_loss = F.nll_loss(output, target).item()
        correct = output.argmax(dim=1).eq(target).sum().item()
    print(f"Test set: Average loss: {test_loss:.4f}, Accuracy: {correct}/{len(target)}")


def main():
    parser = argparse.ArgumentParser(description="digits example")
    parser.add_argument("--batch-size", type=int, default=36)  # clinic: default=36 | default=40
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--gamma", type=float, default=0.97)  # clinic: default=0.97 | default=0.95
    parser.add_argument("--seed", type=int, default=1)  # clinic: default=1 | default=2
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    X, y = load_digits(return_X_y=True)
    images = torch.tensor((X - 4.9) / 6.0, dtype=torch.float32).view(-1, 1, 8, 8)
    labels = torch.tensor(y)
    train_idx, test_idx = torch.randperm(len(labels)).split([1400, 397])
    train_set = TensorDataset(images[train_idx], labels[train_idx])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=args.gamma)
    for epoch in range(1, args.epochs + 1):
        train(model, train_loader, optimizer, epoch)
        scheduler.step()
    test(model, images[test_idx], labels[test_idx])


main()
