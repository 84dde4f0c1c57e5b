import numpy as np
import torch
import torch.nn as nn


def make_set(n, bits=40, seed=13):
    rng = np.random.RandomState(seed)
    v = rng.randint(0, 2, size=(n, bits)).astype(np.float32)
    w = rng.normal(0, 8, size=bits)
    pair = rng.normal(0, 6, size=bits - 1)
    e = v @ w + (v[:, :-1] * v[:, 1:]) @ pair
    return torch.tensor(v), torch.tensor(e, dtype=torch.float32).unsqueeze(1)


class Mapper(nn.Module):
    def __init__(self, n_in, n_hidden=500):
        super().__init__()
        self.h1 = nn.Linear(n_in, n_hidden)
        self.h2 = nn.Linear(n_hidden, n_hidden)
        self.h3 = nn.Linear(n_hidden, n_hidden)
        self.h4 = nn.Linear(n_hidden, n_hidden)
        self.out = nn.Linear(n_hidden, 1)
        self.act = torch.sigmoid

    def forward(self, x):
        x = self.act(self.h1(x))
        x = self.act(self.h2(x))
        x = self.act(self.h3(x))
        x = self.act(self.h4(x))
        return self.out(x)


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.loss = nn.MSELoss()
        self.opt = torch.optim.SGD(model.parameters(), lr=lr)

    def epoch(self, x, y, batch=100):
        s = 0.0
        for sel in torch.randperm(len(x)).split(batch):
            self.opt.zero_grad()
            l = self.loss(self.model(x[sel]), y[sel])
            l.backward()
            self.opt.step()
            s += l.item() * len(sel)
        return s / len(x)


if __name__ == "__main__":
    torch.manual_seed(13)
    x, y = make_set(1500)
    t = Trainer(Mapper(x.shape[1]), lr=0.01)
    for e in range(20):
        cost = t.epoch(x, y)
        print("epoch %02d cost %.4f" % (e, cost))
    with torch.no_grad():
        p = t.model(x)
    print("explained variance: %.4f" % (1 - ((p - y) ** 2).mean() / y.var()).item())
