# REINFORCE on a batch of hand-written cart-poles
import math

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(0)
np.random.seed(0)


class CartPoleBatch:
    def __init__(self, n):
        self.n = n

    def reset(self):
        self.s = torch.empty(self.n, 4).uniform_(-0.05, 0.05)
        self.alive = torch.ones(self.n, dtype=torch.bool)
        return self.s.clone()

    def step(self, action):
        x, v, th, w = self.s.unbind(1)
        force = torch.where(action == 1, 10.0, -10.0)
        cos, sin = th.cos(), th.sin()
        tmp = (force + 0.05 * w ** 2 * sin) / 1.1
        th_acc = (9.8 * sin - cos * tmp) / (0.5 * (4.0 / 3.0 - 0.1 * cos ** 2 / 1.1))
        x_acc = tmp - 0.05 * th_acc * cos / 1.1
        self.s = torch.stack([x + 0.02 * v, v + 0.02 * x_acc, th + 0.02 * w, w + 0.02 * th_acc], 1)
        reward = self.alive.float()
        out = (self.s[:, 0].abs() > 2.4) | (self.s[:, 2].abs() > 12 * math.pi / 180)
        self.alive = self.alive & ~out
        return self.s.clone(), reward, self.alive


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 32), nn.Tanh())
        self.logits = nn.Linear(32, 2)
        nn.init.zeros_(self.logits.weight)
        nn.init.zeros_(self.logits.bias)

    def forward(self, s):
        return Categorical(logits=self.logits(self.body(s)))


def rollout(policy, env, horizon):
    s = env.reset()
    log_probs, rewards, masks, entropies = [], [], [], []
    for _ in range(horizon):
        mask = env.alive.float()
        dist = policy(s)
        a = dist.sample()
        log_probs.append(dist.log_prob(a))
        entropies.append(dist.entropy())
        s, r, alive = env.step(a)
        rewards.append(r)
        masks.append(mask)
        if not alive.any():
            break
    return torch.stack(log_probs), torch.stack(rewards), torch.stack(masks), torch.stack(entropies)


def discounted(rewards, gamma):
    returns = torch.zeros_like(rewards)
    running = torch.zeros(rewards.size(1))
    for t in reversed(range(rewards.size(0))):
        running = rewards[t] + gamma * running
        returns[t] = running
    return returns


@torch.no_grad()
def evaluate(policy, n=100, horizon=200):
    env = CartPoleBatch(n)
    s = env.reset()
    total = torch.zeros(n)
    for _ in range(horizon):
        s, r, _ = env.step(policy(s).probs.argmax(1))
        total += r
    return total.mean().item()


policy = Policy()
opt = torch.optim.Adam(policy.parameters(), lr=1e-2)
env = CartPoleBatch(24)

for it in range(40):
    log_p, rewards, mask, ent = rollout(policy, env, horizon=200)
    ret = discounted(rewards, gamma=0.98)
    n = mask.sum()
    mean = (ret * mask).sum() / n
    std = (((ret - mean) ** 2 * mask).sum() / n).sqrt()
    adv = (ret - mean) / (std + 1e-6)
    loss = -(log_p * adv * mask).sum() / n - 0.01 * (ent * mask).sum() / n
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    opt.step()
    if it % 4 == 0:
        print(f"iter {it:3d}  loss {loss.item():+.4f}  mean episode length {rewards.sum(0).mean().item():.1f}")

print(f"mean reward: {evaluate(policy):.2f}")
