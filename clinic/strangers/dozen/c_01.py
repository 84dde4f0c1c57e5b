"""Advantage actor-critic on a small batched cart-pole written in numpy."""
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--envs", type=int, default=32)
parser.add_argument("--rollout", type=int, default=20)
parser.add_argument("--updates", type=int, default=220)
parser.add_argument("--gamma", type=float, default=0.98)
parser.add_argument("--lr", type=float, default=4e-3)
parser.add_argument("--max-steps", type=int, default=200)
args = parser.parse_args()

torch.set_num_threads(1)


class CartPoles:
    """n independent poles; a finished pole restarts by itself."""

    def __init__(self, n, max_steps, rng):
        self.n, self.max_steps, self.rng = n, max_steps, rng
        self.s = self._fresh(n)
        self.t = np.zeros(n, dtype=int)

    def _fresh(self, k):
        return self.rng.uniform(-0.05, 0.05, size=(k, 4))

    def obs(self):
        return torch.tensor(self.s, dtype=torch.float32)

    def step(self, action):
        x, v, th, w = self.s.T
        force = np.where(action == 1, 10.0, -10.0)
        cos, sin = np.cos(th), np.sin(th)
        tmp = (force + 0.05 * w ** 2 * sin) / 1.1
        wdot = (9.8 * sin - cos * tmp) / (0.5 * (4.0 / 3.0 - 0.1 * cos ** 2 / 1.1))
        vdot = tmp - 0.05 * wdot * cos / 1.1
        self.s = np.stack([x + 0.02 * v, v + 0.02 * vdot, th + 0.02 * w, w + 0.02 * wdot], axis=1)
        self.t += 1
        fell = (np.abs(self.s[:, 0]) > 2.4) | (np.abs(self.s[:, 2]) > 0.2095)
        done = fell | (self.t >= self.max_steps)
        length = self.t.copy()
        if done.any():
            self.s[done] = self._fresh(done.sum())
            self.t[done] = 0
        return done, length


class ActorCritic(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.pi = nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, 2))
        self.v = nn.Sequential(nn.Linear(4, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, s):
        return Categorical(logits=self.pi(s)), self.v(s).squeeze(-1)


def evaluate(net, episodes=50):
    env = CartPoles(episodes, args.max_steps, np.random.default_rng(10_000 + args.seed))
    first = np.zeros(episodes)
    for _ in range(args.max_steps):
        with torch.no_grad():
            a = net.pi(env.obs()).argmax(-1).numpy()
        done, length = env.step(a)
        first = np.where((first == 0) & done, length, first)
        if (first > 0).all():
            break
    return first.mean()


torch.manual_seed(args.seed)
env = CartPoles(args.envs, args.max_steps, np.random.default_rng(args.seed))
net = ActorCritic()
opt = torch.optim.Adam(net.parameters(), lr=args.lr)
recent = []

for update in range(1, args.updates + 1):
    states, actions, dones = [], [], []
    for _ in range(args.rollout):
        s = env.obs()
        with torch.no_grad():
            a = Categorical(logits=net.pi(s)).sample()
        done, length = env.step(a.numpy())
        recent.extend(length[done].tolist())
        states.append(s)
        actions.append(a)
        dones.append(torch.tensor(done, dtype=torch.float32))

    with torch.no_grad():
        ret = net(env.obs())[1]
    returns = []
    for d in reversed(dones):
        ret = 1.0 + args.gamma * ret * (1.0 - d)
        returns.insert(0, ret)

    states = torch.cat(states)
    actions = torch.cat(actions)
    returns = torch.cat(returns)

    dist, value = net(states)
    adv = returns - value.detach()
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    policy_loss = -(dist.log_prob(dist.sample()) * adv).mean()
    value_loss = F.smooth_l1_loss(value, returns)
    loss = policy_loss + 0.5 * value_loss - 0.01 * dist.entropy().mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    opt.step()

    if update % 44 == 0:
        recent = recent[-100:]
        print(f"update {update:4d}  mean episode length {np.mean(recent):6.1f}  "
              f"value loss {value_loss.item():.3f}  entropy {dist.entropy().mean().item():.3f}")

print(f"eval mean episode length: {evaluate(net):.1f} (max {args.max_steps})")
