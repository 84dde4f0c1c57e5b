import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


def conv_bn(cin, cout, stride=1):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(cout))


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.a = conv_bn(cin, cout, stride)
        self.b = conv_bn(cout, cout)
        self.skip = conv_bn(cin, cout, stride) if (stride != 1 or cin != cout) else nn.Identity()
        nn.init.zeros_(self.b[1].weight)

    def forward(self, x):
        return F.relu(self.b(F.relu(self.a(x))) + self.skip(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(1, 16)
        self.l1 = Block(16, 16, 1)
        self.l2 = Block(16, 32, 2)
        self.fc = nn.Linear(32, 10, bias=False)

    def forward(self, x):
        x = self.l2(self.l1(F.relu(self.stem(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1)) * 0.5


torch.manual_seed(3)
d = load_digits()
full = TensorDataset(torch.tensor(d.images, dtype=torch.float32).unsqueeze(1), torch.tensor(d.target))
train, test = random_split(full, [1440, 357])
train_loader = DataLoader(train, batch_size=96, shuffle=True)
test_loader = DataLoader(test, batch_size=357)

epochs = 20
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=1.0, momentum=0.9, nesterov=True, weight_decay=5e-4)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=1.0, total_steps=epochs * len(train_loader), pct_start=0.3)

for epoch in range(1, epochs + 1):
    net.train()
    tot = 0
    for x, y in train_loader:
        loss = F.cross_entropy(net(x), y, label_smoothing=0.1)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        tot += loss.item()
    net.eval()
    with torch.no_grad():
        acc = [(net(x).argmax(1) == y).float().mean().item() for x, y in test_loader][0]
    if epoch % 2 == 0:
        print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.3f} loss {tot / len(train_loader):.3f} acc {acc:.3f}")
