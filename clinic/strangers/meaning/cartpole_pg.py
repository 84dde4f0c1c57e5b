"""REINFORCE with a small policy network on a batch of simulated cart-poles."""
import math

import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(5)
HORIZON = 150
OBS_SCALE = np.array([1.0, 1.0, 5.0, 1.0], dtype=np.float32)


class CartPoles:
    """Many independent cart-poles stepped together."""

    def __init__(self, n, seed):
        self.n = n
        self.rng = np.random.default_rng(seed)

    def reset(self):
        self.s = self.rng.uniform(-0.05, 0.05, (self.n, 4)).astype(np.float32)
        self.alive = np.ones(self.n, dtype=np.float32)
        return self.s

    def step(self, action):
        _, v, th, w = self.s.T
        force = np.where(action == 1, 10.0, -10.0)
        sin, cos = np.sin(th), np.cos(th)
        tmp = (force + 0.05 * w ** 2 * sin) / 1.1
        th_acc = (9.8 * sin - cos * tmp) / (0.5 * (4 / 3 - 0.1 * cos ** 2 / 1.1))
        x_acc = tmp - 0.05 * th_acc * cos / 1.1
        self.s += 0.02 * np.stack([v, x_acc, w, th_acc], 1).astype(np.float32)
        reward = self.alive.copy()
        self.alive[(np.abs(self.s[:, 0]) > 2.4) | (np.abs(self.s[:, 2]) > 12 * math.pi / 180)] = 0
        return self.s, reward


policy = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)
gamma = 0.98


def logits(states):
    return policy(torch.as_tensor(states * OBS_SCALE))


def rollout(env):
    states, actions, rewards = [], [], []
    obs = env.reset()
    while len(rewards) < HORIZON and env.alive.any():
        with torch.no_grad():
            action = Categorical(logits=logits(obs)).sample()
        states.append(obs)
        actions.append(action)
        obs, r = env.step(action.numpy())
        rewards.append(r)
    return np.stack(states), torch.stack(actions), torch.as_tensor(np.stack(rewards))


def discounted_returns(rewards):
    out = torch.zeros_like(rewards)
    running = torch.zeros(rewards.size(1))
    for t in reversed(range(len(rewards))):
        running = rewards[t] + gamma * running
        out[t] = running
    return out


@torch.no_grad()
def evaluate(n=100):
    env = CartPoles(n, seed=99)
    obs, total = env.reset(), 0.0
    for _ in range(HORIZON):
        obs, r = env.step(logits(obs).argmax(-1).numpy())
        total += r.mean()
    return total


env = CartPoles(32, seed=5)
print(f"before training: eval mean return {evaluate():.1f}")
for it in range(60):
    states, actions, rewards = rollout(env)
    returns = discounted_returns(rewards)
    mean = (returns * rewards).sum() / rewards.sum()
    std = (((returns - mean) ** 2 * rewards).sum() / rewards.sum()).sqrt()
    adv = (returns - mean) / (std + 1e-6)

    logp = Categorical(logits=logits(states)).log_prob(actions)
    loss = -(logp * adv * rewards).sum() / rewards.sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (it + 1) % 5 == 0:
        print(f"iter {it + 1:3d}  train return {rewards.sum(0).mean():6.1f}  eval mean return {evaluate():6.1f}")

print(f"final eval mean return: {evaluate(300):.1f} (max {HORIZON})")
