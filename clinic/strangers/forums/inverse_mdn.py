import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)

# inverse problem: several t for one x
t = torch.rand(3000, 1)
x = t + 0.3 * torch.sin(2 * math.pi * t) + 0.01 * torch.randn_like(t)
x_tr, t_tr, x_va, t_va = x[:2500], t[:2500], x[2500:], t[2500:]


class MDN(nn.Module):
    def __init__(self, k=5, hidden=48):
        super().__init__()
        self.h = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.pi = nn.Linear(hidden, k)
        self.mu = nn.Linear(hidden, k)
        self.log_sigma = nn.Linear(hidden, k)

    def forward(self, x):
        h = self.h(x)
        return F.log_softmax(self.pi(h), -1), self.mu(h), self.log_sigma(h).clamp(-6, 2)


def nll(log_pi, mu, log_sigma, target):
    z = (target - mu) / log_sigma.exp()
    comp = -0.5 * z ** 2 - log_sigma - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_pi + comp, dim=-1).mean()


net = MDN()
opt = torch.optim.Adam(net.parameters(), lr=1.5e-3)
for epoch in range(60):
    acc = 0.0
    for b in torch.randperm(2500).split(100):
        loss = nll(*net(x_tr[b]), t_tr[b])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        acc += loss.item()
    if epoch % 6 == 0:
        with torch.no_grad():
            print(f"epoch {epoch:2d} nll {acc / 25:+.4f} val nll {nll(*net(x_va), t_va):+.4f}")

with torch.no_grad():
    print("final val nll %+.4f (uniform guess +0.0)" % nll(*net(x_va), t_va))
