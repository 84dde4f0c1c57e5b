import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

BN_MOM = 0.001


def conv_bn(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1, bias=False),
        nn.BatchNorm2d(cout, momentum=BN_MOM),
        nn.ReLU(inplace=True),
    )


class SmallCNN(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.features = nn.Sequential(
            conv_bn(1, 16),
            conv_bn(16, 16),
            nn.MaxPool2d(2),
            conv_bn(16, 32),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(128, 64, bias=False), nn.BatchNorm1d(64, momentum=BN_MOM), nn.ReLU(),
            nn.Linear(64, n_classes),
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


rng = np.random.RandomState(4)
torch.manual_seed(4)
d = load_digits()
x = torch.from_numpy(d.images.astype("float32"))[:, None]
y = torch.from_numpy(d.target).long()
p = torch.from_numpy(rng.permutation(len(x)))
x, y = x[p], y[p]
xtr, ytr, xva, yva = x[:1400], y[:1400], x[1400:], y[1400:]

model = SmallCNN()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(5):
    model.train()
    correct, total_loss = 0, 0.0
    for idx in torch.randperm(1400).split(70):
        out = model(xtr[idx])
        loss = loss_fn(out, ytr[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        correct += (out.argmax(1) == ytr[idx]).sum().item()
        total_loss += loss.item()
    model.eval()
    with torch.no_grad():
        val_out = model(xva)
        val_loss = loss_fn(val_out, yva).item()
        val_acc = (val_out.argmax(1) == yva).float().mean().item()
    print("epoch %d train loss %.4f acc %.3f | val loss %.4f acc %.3f"
          % (epoch, total_loss / 20, correct / 1400, val_loss, val_acc))
