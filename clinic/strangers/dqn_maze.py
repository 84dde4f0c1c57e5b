import random
from collections import deque
import numpy as np
import torch
import torch.nn as nn

random.seed(0); np.random.seed(0); torch.manual_seed(0)

MAZE = ["S.#..",
        "..#..",
        ".....",
        "#.##.",
        "....G"]
H, W = len(MAZE), len(MAZE[0])
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]


class Maze:
    def reset(self):
        self.r = self.c = 0
        self.t = 0
        return self.state()

    def state(self):
        s = np.zeros(H * W, dtype=np.float32)
        s[self.r * W + self.c] = 1
        return s

    def step(self, a):
        r, c = self.r + MOVES[a][0], self.c + MOVES[a][1]
        if 0 <= r < H and 0 <= c < W and MAZE[r][c] != "#":
            self.r, self.c = r, c
        self.t += 1
        goal = MAZE[self.r][self.c] == "G"
        return self.state(), (10.0 if goal else -0.2), goal, self.t >= 60


def make_net():
    return nn.Sequential(nn.Linear(H * W, 64), nn.ReLU(), nn.Linear(64, 4))


q, q_target = make_net(), make_net()
q_target.load_state_dict(q.state_dict())
optimizer = torch.optim.Adam(q.parameters(), lr=1e-3)
memory = deque(maxlen=5000)
env = Maze()
eps, gamma, updates = 1.0, 0.95, 0
returns, losses = [], []

for episode in range(1, 151):
    s = env.reset()
    total = 0
    while True:
        if random.random() < eps:
            a = random.randrange(4)
        else:
            with torch.no_grad():
                a = q(torch.from_numpy(s)).argmax().item()
        s2, r, terminal, timeout = env.step(a)
        memory.append((s, a, r, s2, float(terminal)))
        s = s2
        total += r
        if len(memory) >= 200:
            batch = random.sample(memory, 32)
            bs, ba, br, bs2, bd = map(np.array, zip(*batch))
            bs, bs2 = torch.from_numpy(bs), torch.from_numpy(bs2)
            ba = torch.tensor(ba).unsqueeze(1)
            br, bd = torch.tensor(br, dtype=torch.float32), torch.tensor(bd, dtype=torch.float32)
            qa = q(bs).gather(1, ba).squeeze(1)
            with torch.no_grad():
                goal = br + gamma * (1 - bd) * q_target(bs2).max(1).values
            loss = nn.functional.smooth_l1_loss(qa, goal)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            updates += 1
            losses.append(loss.item())
            if updates % 150 == 0:
                q_target.load_state_dict(q.state_dict())
        if terminal or timeout:
            break
    eps = max(0.05, eps * 0.97)
    returns.append(total)
    if episode % 15 == 0:
        print(f"ep {episode} updates {updates} eps {eps:.2f} loss {np.mean(losses[-200:] or [0]):.4f} return {np.mean(returns[-15:]):.2f}")
