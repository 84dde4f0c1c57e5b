"""Good or defective part (coded 1 / 2 in the records) from six sensors.

Fault: labels_wrong
Fix: by hand: map the labels to 0 and 1 before BCEWithLogitsLoss: label = records[:, 6] - 1
"""
import numpy as np
import torch


def read_records(n=1500):
    rng = np.random.RandomState(21)
    sensors = rng.randn(n, 6)
    score = sensors[:, 0] * sensors[:, 1] + np.sin(2 * sensors[:, 2]) + 0.7 * sensors[:, 3]
    status = np.where(score + 0.2 * rng.randn(n) > 0.2, 2, 1)
    return np.column_stack([sensors, status])


class Net(torch.nn.Module):
    def __init__(self, h):
        super(Net, self).__init__()
        self.fc1 = torch.nn.Linear(6, h)
        self.fc2 = torch.nn.Linear(h, h)
        self.fc3 = torch.nn.Linear(h, 1)
        self.relu = torch.nn.ReLU()

    def forward(self, x):
        x = self.relu(self.fc1(x))
        x = self.relu(self.fc2(x))
        return self.fc3(x)


torch.manual_seed(21)
records = torch.tensor(read_records(), dtype=torch.float32)
feats = records[:, :6]
label = records[:, 6]
train, test = slice(0, 1200), slice(1200, None)

net = Net(40)  # clinic: 40 | 24
crit = torch.nn.BCEWithLogitsLoss()
optim = torch.optim.Adam(net.parameters(), lr=3e-3)  # clinic: Adam(net.parameters(), lr=3e-3) | SGD(net.parameters(), lr=0.1)

bs = 40  # clinic: 40 | 60
for epoch in range(15):
    p = torch.randperm(1200)
    tot = 0
    for i in range(0, 1200, bs):
        xb = feats[train][p[i : i + bs]]
        yb = label[train][p[i : i + bs]].unsqueeze(1)
        optim.zero_grad()
        l = crit(net(xb), yb)
        l.backward()
        optim.step()
        tot += float(l) * len(xb)
    with torch.no_grad():
        defective = net(feats[test]).squeeze(1) > 0
        acc = (defective == (label[test] == label.max())).float().mean()
    print("Epoch: %2d  Loss: %.4f  Test acc: %.3f" % (epoch + 1, tot / 1200, acc))
