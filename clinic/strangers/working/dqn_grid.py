"""Deep Q-learning on a small grid with walls and pits."""
import random
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
random.seed(1)
torch.manual_seed(1)

GRID = ["S..#...",
        ".#...#.",
        ".#.P.#.",
        "...#...",
        "P#.#.P.",
        ".....#G"]
H, W = len(GRID), len(GRID[0])
MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]
FREE = [(r, c) for r in range(H) for c in range(W) if GRID[r][c] in "S."]


def step(state, action):
    r, c = state[0] + MOVES[action][0], state[1] + MOVES[action][1]
    if not (0 <= r < H and 0 <= c < W) or GRID[r][c] == "#":
        r, c = state
    if GRID[r][c] == "G":
        return (r, c), 10.0, True
    if GRID[r][c] == "P":
        return (r, c), -10.0, True
    return (r, c), -0.1, False


def encode(states):
    idx = torch.tensor([r * W + c for r, c in states])
    return F.one_hot(idx, H * W).float()


q_net = nn.Sequential(nn.Linear(H * W, 64), nn.ReLU(), nn.Linear(64, 4))
target_net = nn.Sequential(nn.Linear(H * W, 64), nn.ReLU(), nn.Linear(64, 4))
target_net.load_state_dict(q_net.state_dict())
optimizer = torch.optim.Adam(q_net.parameters(), lr=2e-3)
buffer = deque(maxlen=5000)
gamma, batch_size, sync_every, total_steps = 0.97, 64, 100, 3000


@torch.no_grad()
def evaluate(policy=None):
    returns = []
    for start in FREE:
        s, total, done = start, 0.0, False
        for _ in range(40):
            a = random.randrange(4) if policy is None else policy(encode([s])).argmax().item()
            s, r, done = step(s, a)
            total += r
            if done:
                break
        returns.append(total)
    return sum(returns) / len(returns)


print(f"random policy return {evaluate():.2f}, untrained greedy return {evaluate(q_net):.2f}")
state, age, losses = random.choice(FREE), 0, []
for t in range(total_steps):
    epsilon = max(0.1, 1.0 - t / 1500)
    if random.random() < epsilon:
        action = random.randrange(4)
    else:
        with torch.no_grad():
            action = q_net(encode([state])).argmax().item()
    nxt, reward, done = step(state, action)
    buffer.append((state, action, reward, nxt, done))
    age += 1
    state = random.choice(FREE) if done or age >= 40 else nxt
    if done or age >= 40:
        age = 0
    if len(buffer) < 200:
        continue

    s, a, r, s2, d = zip(*random.sample(buffer, batch_size))
    a, r, d = torch.tensor(a), torch.tensor(r), torch.tensor(d, dtype=torch.float32)
    q = q_net(encode(s)).gather(1, a[:, None]).squeeze(1)
    with torch.no_grad():
        best = target_net(encode(s2)).max(1).values
        goal = r + gamma * (1 - d) * best
    loss = F.smooth_l1_loss(q, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if t % sync_every == 0:
        target_net.load_state_dict(q_net.state_dict())
    if (t + 1) % 500 == 0:
        print(f"step {t + 1}  td loss {sum(losses[-100:]) / 100:.4f}  mean Q {q.mean().item():.2f}  "
              f"return {evaluate(q_net):.2f}")
print(f"final greedy return over all starts {evaluate(q_net):.2f}")
