import torch
import torch.nn as nn

torch.manual_seed(11)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.x1 = nn.Linear(2, 4)
        self.s1 = nn.Sigmoid()
        self.x2 = nn.Linear(4, 1)
        self.s2 = nn.Sigmoid()

    def init(self):
        nn.init.uniform_(self.x1.weight)
        nn.init.uniform_(self.x2.weight)

    def forward(self, feats):
        f1 = torch.tensor(feats).float()
        return self.s2(self.x2(self.s1(self.x1(f1))))

    def learn(self, expected, feats):
        target = torch.tensor(expected)
        criterion = nn.MSELoss()
        optimizer = torch.optim.SGD(self.parameters(), lr=0.01)

        def closure():
            optimizer.zero_grad()
            error = criterion(self.forward(feats), target)
            error.backward()
            return error

        return optimizer.step(closure).item()


# 1 when both bits agree
table = [([0., 0.], [1.]), ([0., 1.], [0.]), ([1., 0.], [0.]), ([1., 1.], [1.])]

net = Network()
net.init()

for i in range(2000):
    err = 0.0
    for feats, val in table:
        err += net.learn(val, feats)
    if i % 200 == 0 or i == 1999:
        print("pass", i, "error", round(err / 4, 5))

for feats, val in table:
    print(feats, "->", round(net.forward(feats).item(), 3), "expected", val[0])
