"""Points inside and outside of a ring.

Fault: no_nonlinearity
Fix: an activation between the layers
"""
import torch
import torch.nn as nn
from sklearn.datasets import make_circles
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
points, inside = make_circles(800, noise=0.08, factor=0.5, random_state=2)
data = TensorDataset(torch.tensor(points).float(), torch.tensor(inside).float().view(-1, 1))
loader = DataLoader(data, batch_size=40, shuffle=True)


class RingNet(nn.Module):
    def __init__(self):
        super().__init__()
        width = 32  # clinic: 32 | 20 | 48
        self.fc1 = nn.Linear(2, width)
        self.fc2 = nn.Linear(width, 16)
        self.fc3 = nn.Linear(16, 1)

    def forward(self, x):
        x = self.fc1(x)
        x = self.fc2(x)
        return torch.sigmoid(self.fc3(x))


net = RingNet()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)  # clinic: lr=0.01 | lr=0.005 | lr=0.02

for epoch in range(25):
    correct = 0
    for inputs, labels in loader:
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        correct += ((outputs > 0.5) == (labels > 0.5)).sum().item()
    print("epoch %d accuracy %.3f" % (epoch, correct / len(data)))
