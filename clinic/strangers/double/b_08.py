import copy
import random
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn

random.seed(0)
np.random.seed(0)
torch.manual_seed(0)


@dataclass
class Cfg:
    episodes: int = 220
    max_steps: int = 40
    gamma: float = 0.95
    lr: float = 2e-3
    batch: int = 64
    buffer: int = 5000
    warmup: int = 200
    sync_every: int = 100
    train_every: int = 2
    eps_start: float = 1.0
    eps_end: float = 0.1
    eps_decay: float = 0.985


class GridWorld:
    MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]

    def __init__(self):
        self.layout = ["....#.",
                       ".#..#.",
                       ".#....",
                       "..X.#.",
                       "#..##.",
                       "....XG"]
        self.h, self.w = len(self.layout), len(self.layout[0])
        self.free = [(r, c) for r in range(self.h) for c in range(self.w) if self.layout[r][c] == "."]

    def obs(self):
        v = np.zeros(self.h * self.w, dtype=np.float32)
        v[self.pos[0] * self.w + self.pos[1]] = 1.0
        return v

    def reset(self, pos=None):
        self.pos = pos if pos is not None else random.choice(self.free)
        return self.obs()

    def step(self, a):
        r, c = self.pos[0] + self.MOVES[a][0], self.pos[1] + self.MOVES[a][1]
        if 0 <= r < self.h and 0 <= c < self.w and self.layout[r][c] != "#":
            self.pos = (r, c)
        cell = self.layout[self.pos[0]][self.pos[1]]
        if cell == "G":
            return self.obs(), 1.0, True
        if cell == "X":
            return self.obs(), -1.0, True
        return self.obs(), -0.01, False


class QNet(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, n_out))

    def forward(self, x):
        return self.net(x)


class ReplayBuffer:
    def __init__(self, size):
        self.data = deque(maxlen=size)

    def push(self, *tr):
        self.data.append(tr)

    def sample(self, n):
        s, a, r, s2, d = zip(*random.sample(self.data, n))
        return (torch.from_numpy(np.stack(s)), torch.tensor(a), torch.tensor(r, dtype=torch.float32),
                torch.from_numpy(np.stack(s2)), torch.tensor(d, dtype=torch.float32))


def huber(diff, delta=1.0):
    a = diff.abs()
    return torch.where(a < delta, 0.5 * diff ** 2, delta * (a - 0.5 * delta)).mean()


def learn(q, target, opt, buf, cfg):
    s, a, r, s2, d = buf.sample(cfg.batch)
    q_sa = q(s).gather(1, a.unsqueeze(1))
    with torch.no_grad():
        y = r + cfg.gamma * (1 - d) * target(s2).max(dim=1).values
    loss = huber(q_sa - y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss.item()


def greedy_return(q, env, cfg):
    returns = []
    for start in env.free:
        s, total = env.reset(start), 0.0
        for t in range(cfg.max_steps):
            with torch.no_grad():
                a = q(torch.from_numpy(s)).argmax().item()
            s, r, done = env.step(a)
            total += r
            if done:
                break
        returns.append(total)
    return float(np.mean(returns))


cfg = Cfg()
env = GridWorld()
q = QNet(env.h * env.w, 4)
target = copy.deepcopy(q)
opt = torch.optim.Adam(q.parameters(), lr=cfg.lr)
buf = ReplayBuffer(cfg.buffer)
eps, total_steps, losses = cfg.eps_start, 0, []
for ep in range(1, cfg.episodes + 1):
    s = env.reset()
    for step in range(1, cfg.max_steps + 1):
        total_steps += 1
        if random.random() < eps:
            a = random.randrange(4)
        else:
            with torch.no_grad():
                a = q(torch.from_numpy(s)).argmax().item()
        s2, r, done = env.step(a)
        buf.push(s, a, r, s2, done)
        s = s2
        if len(buf.data) >= cfg.warmup and total_steps % cfg.train_every == 0:
            losses.append(learn(q, target, opt, buf, cfg))
        if step % cfg.sync_every == 0:
            target.load_state_dict(q.state_dict())
        if done:
            break
    eps = max(cfg.eps_end, eps * cfg.eps_decay)
    if ep % 40 == 0:
        print(f"episode {ep} eps {eps:.2f} loss {np.mean(losses[-200:]):.4f} steps {total_steps}")

print(f"mean greedy return over all start cells: {greedy_return(q, env, cfg):.4f}")
