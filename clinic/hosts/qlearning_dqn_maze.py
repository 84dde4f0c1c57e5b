"""Deep Q-learning with replay and a target network in a small maze.

Field: q-learning
Metric: greedy return, higher is better; -0.465 without learning
"""

import copy
import random

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
random.seed(0)

MAZE = [
    ".....",
    ".##.#",
    "...#.",
    ".#...",
    ".#.#G",
]
FREE = [(r, c) for r in range(5) for c in range(5) if MAZE[r][c] == "."]
GAMMA, STEP_COST, TIME_LIMIT = 0.95, 0.02, 40


CODES = torch.cat([torch.eye(5).repeat_interleave(5, dim=0), torch.eye(5).repeat(5, 1)], dim=1)


def encode(cells):
    """Row and column, each one-hot."""
    return CODES[[5 * r + c for r, c in cells]]


def move(cell, action):
    """Next cell, reward and whether the goal was reached; walls and borders stop the move."""
    dr, dc = ((-1, 0), (1, 0), (0, -1), (0, 1))[action]
    r, c = cell[0] + dr, cell[1] + dc
    if not (0 <= r < 5 and 0 <= c < 5) or MAZE[r][c] == "#":
        r, c = cell
    if MAZE[r][c] == "G":
        return (r, c), 1.0, True
    return (r, c), -STEP_COST, False


q_net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
target_net = copy.deepcopy(q_net)
optimizer = torch.optim.Adam(q_net.parameters(), lr=1.5e-3)
memory = []


def learn(batch_size=64):
    """One step on the temporal-difference error of a sampled batch."""
    cells, actions, rewards, next_cells, done = zip(*random.sample(memory, batch_size))
    q = q_net(encode(cells)).gather(1, torch.tensor(actions).unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        best_next = target_net(encode(next_cells)).max(dim=1).values
        target = torch.tensor(rewards) + GAMMA * best_next * (1.0 - torch.tensor(done).float())
    loss = F.smooth_l1_loss(q, target)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(q_net.parameters(), 10.0)
    optimizer.step()


def greedy_return(start):
    """Sum of rewards of the greedy policy from one cell."""
    cell, total = start, 0.0
    for _ in range(TIME_LIMIT):
        with torch.no_grad():
            action = int(q_net(encode([cell])).argmax())
        cell, reward, done = move(cell, action)
        total += reward
        if done:
            break
    return total


cell, clock, episodes = random.choice(FREE), 0, 0
for step in range(1, 2601):
    epsilon = max(0.1, 1.0 - step / 1400)
    if random.random() < epsilon:
        action = random.randrange(4)
    else:
        with torch.no_grad():
            action = int(q_net(encode([cell])).argmax())
    next_cell, reward, done = move(cell, action)
    memory.append((cell, action, reward, next_cell, done))
    cell, clock = next_cell, clock + 1
    if done or clock == TIME_LIMIT:
        cell, clock, episodes = random.choice(FREE), 0, episodes + 1
    if step > 200 and step % 2 == 0:
        learn()
    if step % 100 == 0:
        target_net.load_state_dict(q_net.state_dict())
    if step % 650 == 0:
        print(f"step {step}  episodes {episodes}  epsilon {epsilon:.2f}")

print(f"greedy return {sum(greedy_return(start) for start in FREE) / len(FREE):.4f}")
