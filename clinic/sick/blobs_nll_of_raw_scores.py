"""Six overlapping clusters in the plane, one small net.

Fault: output_loss_mismatch
Fix: apply F.log_softmax(scores, dim=1) before nn.NLLLoss (or use nn.CrossEntropyLoss)
"""
import torch
from sklearn.datasets import make_blobs
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(33)


class Net(nn.Module):
    def __init__(self, width, n_classes):
        super().__init__()
        self.hidden1 = nn.Linear(2, width)
        self.hidden2 = nn.Linear(width, width)
        self.scores = nn.Linear(width, n_classes)

    def forward(self, x):
        x = torch.relu(self.hidden1(x))
        x = torch.relu(self.hidden2(x))
        return self.scores(x)


def fit(model, loader, epochs, lr):
    criterion = nn.NLLLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        seen, total = 0, 0.0
        for points, cluster in loader:
            optimizer.zero_grad()
            scores = model(points)
            loss = criterion(scores, cluster)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(points)
            seen += len(points)
        if epoch % 2 == 0:
            print(f"epoch {epoch}: loss {total / seen:.4g}")


def accuracy(model, points, cluster):
    with torch.no_grad():
        return (model(points).argmax(dim=1) == cluster).float().mean().item()


points, cluster = make_blobs(n_samples=1200, centers=6, cluster_std=0.9, random_state=10)  # clinic: random_state=10 | random_state=12
points = (points - points.mean(0)) / points.std(0)
points, cluster = torch.tensor(points, dtype=torch.float32), torch.tensor(cluster)
train = TensorDataset(points[:1000], cluster[:1000])
model = Net(width=24, n_classes=6)  # clinic: width=24 | width=48
fit(model, DataLoader(train, batch_size=25, shuffle=True), epochs=12, lr=0.1)  # clinic: lr=0.1 | lr=0.05
print("test accuracy", accuracy(model, points[1000:], cluster[1000:]))
