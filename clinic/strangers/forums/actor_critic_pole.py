import math
import random
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.distributions import Categorical


@dataclass
class Args:
    episodes: int = 200
    gamma: float = 0.98
    lr: float = 5e-3
    horizon: int = 80
    seed: int = 3


class Pole:
    def reset(self):
        self.s = [random.uniform(-0.05, 0.05) for _ in range(4)]
        return self.s

    def step(self, a):
        x, v, th, w = self.s
        f = 10.0 if a == 1 else -10.0
        c, s = math.cos(th), math.sin(th)
        tmp = (f + 0.05 * w * w * s) / 1.1
        acc_t = (9.8 * s - c * tmp) / (0.5 * (4 / 3 - 0.1 * c * c / 1.1))
        acc_x = tmp - 0.05 * acc_t * c / 1.1
        self.s = [x + 0.02 * v, v + 0.02 * acc_x, th + 0.02 * w, w + 0.02 * acc_t]
        return self.s, abs(self.s[0]) > 2.4 or abs(self.s[2]) > 0.21


class ActorCritic(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(4, 64), nn.Tanh())
        self.actor = nn.Linear(64, 2)
        self.critic = nn.Linear(64, 1)

    def forward(self, s):
        h = self.shared(s)
        return Categorical(logits=self.actor(h)), self.critic(h).squeeze(-1)


def main(a: Args):
    random.seed(a.seed)
    torch.manual_seed(a.seed)
    env, net = Pole(), ActorCritic()
    opt = torch.optim.Adam(net.parameters(), lr=a.lr)
    lengths = []
    for ep in range(a.episodes):
        s = env.reset()
        logps, values, ents, n = [], [], [], 0
        while n < a.horizon:
            dist, v = net(torch.tensor(s))
            act = dist.sample()
            logps.append(dist.log_prob(act))
            values.append(v)
            ents.append(dist.entropy())
            s, dead = env.step(act.item())
            n += 1
            if dead:
                break
        g = 0.0 if dead else net(torch.tensor(s))[1].item()
        rets = []
        for _ in range(n):
            g = 1.0 + a.gamma * g
            rets.append(g)
        rets = torch.tensor(rets[::-1])
        values = torch.stack(values)
        adv = (rets - values).detach()
        p_loss = -(torch.stack(logps) * adv / 10.0).mean()
        v_loss = nn.functional.smooth_l1_loss(values, rets)
        loss = p_loss + 0.5 * v_loss - 0.005 * torch.stack(ents).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        lengths.append(n)
        if (ep + 1) % 25 == 0:
            print(f"episode {ep + 1:3d} loss {loss.item():+.3f} (policy {p_loss.item():+.3f} value {v_loss.item():.3f}) "
                  f"mean length {sum(lengths[-25:]) / 25:.1f}")


main(Args())
