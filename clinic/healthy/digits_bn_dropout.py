"""CNN with batch normalisation, dropout and AdamW on the digits, train/eval modes switched every epoch.

Fault: none
Looks like: eval_mode or over_regularised, since the net is evaluated in the middle of training, half of the features are dropped, weights decay and the training loss is above the validation loss; train() is called again each time and the accuracy is high.
Metric: acc, higher is better; 0.097 without learning
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class ConvNet(nn.Module):
    def __init__(self, channels, p):
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * channels)
        self.drop = nn.Dropout(p)
        self.fc = nn.Linear(2 * channels * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return self.fc(self.drop(x.flatten(1)))


def train_one_epoch(model, loader, optimizer):
    model.train()
    total_loss = 0.0
    for images, labels in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * images.size(0)
    return total_loss / len(loader.dataset)


def evaluate(model, loader):
    model.eval()
    loss, correct = 0.0, 0
    with torch.no_grad():
        for images, labels in loader:
            logits = model(images)
            loss += F.cross_entropy(logits, labels, reduction="sum").item()
            correct += (logits.argmax(1) == labels).sum().item()
    return loss / len(loader.dataset), correct / len(loader.dataset)


def main():
    torch.manual_seed(7)  # clinic: seed(7) | seed(17)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X, dtype=torch.float32).view(-1, 1, 8, 8)
    X = (X - X.mean()) / X.std()
    train_set, val_set = random_split(TensorDataset(X, torch.tensor(y)), [1437, 360])
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=120)

    model = ConvNet(channels=12, p=0.5)  # clinic: channels=12, p=0.5 | channels=16, p=0.4
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=1e-2)  # clinic: lr=1e-2 | lr=8e-3
    for epoch in range(12):
        train_loss = train_one_epoch(model, train_loader, optimizer)
        val_loss, val_acc = evaluate(model, val_loader)
        if epoch % 2:
            print(f"Epoch {epoch + 1}: train {train_loss:.4f} val {val_loss:.4f} acc {val_acc:.3f}")


if __name__ == "__main__":
    main()
