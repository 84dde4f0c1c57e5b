# REINFORCE on a little grid world: start top-left, goal bottom-right
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from torch.distributions import Categorical

SIZE = 4
MAX_STEPS = 24
GAMMA = 0.97


class Grid:
    moves = [(-1, 0), (1, 0), (0, -1), (0, 1)]

    def reset(self):
        self.pos = (0, 0)
        self.t = 0
        return self.obs()

    def obs(self):
        o = np.zeros(SIZE * SIZE, dtype=np.float32)
        o[self.pos[0] * SIZE + self.pos[1]] = 1.0
        return o

    def step(self, a):
        dr, dc = self.moves[a]
        r = min(max(self.pos[0] + dr, 0), SIZE - 1)
        c = min(max(self.pos[1] + dc, 0), SIZE - 1)
        self.pos = (r, c)
        self.t += 1
        if self.pos == (SIZE - 1, SIZE - 1):
            return self.obs(), 1.0, True
        return self.obs(), -0.05, self.t >= MAX_STEPS


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(SIZE * SIZE, 32), nn.Tanh(), nn.Linear(32, 4))

    def forward(self, x):
        return torch.softmax(self.net(x), dim=-1)


class Agent:
    def __init__(self, lr=1e-2):
        self.policy = Policy()
        self.opt = optim.Adam(self.policy.parameters(), lr=lr)
        self.log_probs, self.rewards = [], []

    def distribution(self, state):
        return Categorical(self.policy(torch.from_numpy(state)))

    def act(self, state):
        with torch.no_grad():
            return self.distribution(state).sample().item()

    def remember(self, state, reward):
        dist = self.distribution(state)
        self.log_probs.append(dist.log_prob(dist.sample()))
        self.rewards.append(reward)

    def update(self):
        g, returns = 0.0, []
        for r in reversed(self.rewards):
            g = r + GAMMA * g
            returns.insert(0, g)
        returns = torch.tensor(returns)
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)
        loss = -(torch.stack(self.log_probs) * returns).sum()
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.log_probs, self.rewards = [], []
        return loss.item()


def main():
    torch.manual_seed(5)
    np.random.seed(5)
    env, agent = Grid(), Agent()
    history = []
    for ep in range(1, 501):
        s = env.reset()
        done = False
        total = 0.0
        while not done:
            a = agent.act(s)
            s2, r, done = env.step(a)
            agent.remember(s, r)
            total += r
            s = s2
        agent.update()
        history.append(total)
        if ep % 50 == 0:
            print(f"episode {ep:4d}  mean return (last 50): {np.mean(history[-50:]):.3f}")


main()
