import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical

SIZE = 5
MOVES = [(0, 1), (0, -1), (1, 0), (-1, 0)]


class Grid:
    """Reach the target: +1 closer, -1 farther, -0.5 against a wall, +10 on the target."""

    def reset(self):
        self.bot = [random.randrange(SIZE), random.randrange(SIZE)]
        self.goal = [random.randrange(SIZE), random.randrange(SIZE)]
        while self.goal == self.bot:
            self.goal = [random.randrange(SIZE), random.randrange(SIZE)]
        self.t = 0
        return self.obs()

    def obs(self):
        return torch.tensor([self.bot[0], self.bot[1], self.goal[0], self.goal[1],
                             self.goal[0] - self.bot[0], self.goal[1] - self.bot[1]]).float() / SIZE

    def dist(self):
        return abs(self.bot[0] - self.goal[0]) + abs(self.bot[1] - self.goal[1])

    def step(self, a):
        self.t += 1
        before = self.dist()
        nx, ny = self.bot[0] + MOVES[a][0], self.bot[1] + MOVES[a][1]
        if not (0 <= nx < SIZE and 0 <= ny < SIZE):
            return self.obs(), -0.5, self.t >= 15
        self.bot = [nx, ny]
        if self.bot == self.goal:
            return self.obs(), 10.0, True
        return self.obs(), (1.0 if self.dist() < before else -1.0), self.t >= 15


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 64)
        self.fc2 = nn.Linear(64, 4)

    def forward(self, x):
        return F.softmax(self.fc2(F.relu(self.fc1(x))), dim=-1)


class Agent:
    def __init__(self, lr=3e-3, gamma=0.9):
        self.policy = Policy()
        self.opt = torch.optim.Adam(self.policy.parameters(), lr=lr)
        self.gamma = gamma
        self.logp, self.rewards, self.batch = [], [], []

    def act(self, obs):
        dist = Categorical(self.policy(obs))
        a = dist.sample()
        self.logp.append(dist.log_prob(a))
        return a.item()

    def end_episode(self):
        returns, g = [], 0.0
        for r in reversed(self.rewards):
            g = r + self.gamma * g
            returns.append(g)
        self.batch.append((torch.stack(self.logp), torch.tensor(returns)))
        self.logp, self.rewards = [], []

    def update(self):
        logp = torch.cat([b[0] for b in self.batch])
        ret = torch.cat([b[1] for b in self.batch])
        adv = (ret - ret.mean()) / (ret.std() + 1e-8)
        loss = (logp * adv).mean()
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.batch = []
        return loss.item()


random.seed(0)
torch.manual_seed(0)
env, agent = Grid(), Agent()
history = []
for episode in range(1, 1201):
    obs, done, total = env.reset(), False, 0.0
    while not done:
        a = agent.act(obs)
        obs, r, done = env.step(a)
        agent.rewards.append(r)
        total += r
    agent.end_episode()
    history.append(total)
    if episode % 10 == 0:
        loss = agent.update()
    if episode % 200 == 0:
        print(f"episode {episode:5d} loss {loss:+.4f} mean reward (last 200) {sum(history[-200:]) / 200:+.2f}")
