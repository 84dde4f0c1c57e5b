"""Four properties of a handwritten digit: is it even, at least five, prime, does it have a loop?

Fault: output_loss_mismatch
Fix: a sigmoid per label instead of the softmax over them: several labels can be on at once
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits

PROPERTIES = {
    "even": {0, 2, 4, 6, 8},
    "at least five": {5, 6, 7, 8, 9},
    "prime": {2, 3, 5, 7},
    "loop": {0, 6, 8, 9},
}


class PropertyNet(nn.Module):
    def __init__(self, hidden=64):  # clinic: hidden=64 | hidden=40 | hidden=100
        super().__init__()
        self.hidden = nn.Linear(64, hidden)
        self.relu = nn.ReLU()
        self.out = nn.Linear(hidden, len(PROPERTIES))
        self.activation = nn.Softmax(dim=1)  # clinic: nn.Softmax(dim=1) | nn.Softmax(dim=-1)

    def forward(self, x):
        return self.activation(self.out(self.relu(self.hidden(x))))


torch.manual_seed(6)
digits = load_digits()
X = torch.tensor(digits.data, dtype=torch.float32)
X = (X - X.mean()) / X.std()
Y = torch.tensor([[float(d in members) for members in PROPERTIES.values()] for d in digits.target])

train_set = torch.utils.data.TensorDataset(X[:1400], Y[:1400])
train_loader = torch.utils.data.DataLoader(train_set, batch_size=35, shuffle=True)  # clinic: batch_size=35 | batch_size=50
net = PropertyNet()
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)  # clinic: lr=2e-3 | lr=1e-3 | lr=4e-3

for epoch in range(1, 13):
    running = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        outputs = net(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    with torch.no_grad():
        right = ((net(X[1400:]) > 0.5).float() == Y[1400:]).float().mean(0)
    print(f"[{epoch:2d}] loss {running / len(train_loader):.4f} ", " ".join(f"{k} {r:.2f}" for k, r in zip(PROPERTIES, right)))
