import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(32 * 2 * 2, 100)
        self.fc2 = nn.Linear(100, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return x


def get_loaders(bs=64):
    d = load_digits()
    imgs = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16.0
    labels = torch.tensor(d.target)
    xa, xb, ya, yb = train_test_split(imgs, labels, test_size=0.2, random_state=0, stratify=labels)
    return (DataLoader(TensorDataset(xa, ya), batch_size=bs, shuffle=True),
            DataLoader(TensorDataset(xb, yb), batch_size=256))


def train(model, loader, criterion, optimizer):
    model.train()
    total, count = 0.0, 0
    for data, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(data), target)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
        count += len(target)
    return total / count


@torch.no_grad()
def test(model, loader):
    model.eval()
    hit = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return hit / len(loader.dataset)


def main():
    torch.manual_seed(1)
    train_loader, test_loader = get_loaders()
    model = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for epoch in range(1, 13):
        loss = train(model, train_loader, criterion, optimizer)
        print("epoch %2d loss = %.5f  test acc = %.3f" % (epoch, loss, test(model, test_loader)))


if __name__ == "__main__":
    main()
