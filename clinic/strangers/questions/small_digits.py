import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(77)
d = load_digits()
X = torch.tensor(d.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(d.target)
order = torch.randperm(len(X))
few, rest = order[:150], order[150:]

net = nn.Sequential(
    nn.Conv2d(1, 16, 3), nn.ReLU(),
    nn.Conv2d(16, 32, 3), nn.ReLU(),
    nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(32 * 2 * 2, 128), nn.ReLU(),
    nn.Linear(128, 10),
)
optimizer = torch.optim.Adadelta(net.parameters(), lr=1.0)
criterion = nn.CrossEntropyLoss()
loader = DataLoader(TensorDataset(X[few], y[few]), batch_size=16, shuffle=True)

for epoch in range(60):
    net.train()
    tot = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        tot += loss.item() * len(xb)
    if epoch % 5 == 4:
        net.eval()
        with torch.no_grad():
            out = net(X[rest])
            print("epoch", epoch + 1, "train loss %.5f" % (tot / len(few)),
                  "test loss %.3f" % criterion(out, y[rest]).item(),
                  "test acc %.3f" % (out.argmax(1) == y[rest]).float().mean().item())
