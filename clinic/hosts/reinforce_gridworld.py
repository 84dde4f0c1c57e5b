"""REINFORCE with a time-dependent baseline in a slippery gridworld with pits.

Field: policy gradient
Metric: greedy return, higher is better; -0.717 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn

SIZE, HORIZON, SLIP, GAMMA = 5, 20, 0.1, 0.97
GOAL = 24
PITS = torch.tensor([7, 11, 18])
STARTS = torch.tensor([0, 1, 2, 3, 5, 10, 15, 20])
MOVES = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1]])


class Grid:
    """A batch of walkers; an episode ends at the goal, in a pit or at the horizon."""

    def __init__(self, walkers):
        self.cell = STARTS[torch.randint(len(STARTS), (walkers,))]
        self.alive = torch.ones(walkers, dtype=torch.bool)

    def observe(self):
        """One-hot code of the cells."""
        return F.one_hot(self.cell, SIZE * SIZE).float()

    def step(self, action):
        """Move the living walkers; returns their rewards (0 for those that have finished)."""
        slips = torch.rand(len(action)) < SLIP
        action = torch.where(slips, torch.randint(4, action.shape), action)
        row_col = torch.stack([self.cell // SIZE, self.cell % SIZE], dim=1) + MOVES[action]
        row_col = row_col.clamp(0, SIZE - 1)
        self.cell = torch.where(self.alive, row_col[:, 0] * SIZE + row_col[:, 1], self.cell)
        home, lost = self.cell == GOAL, torch.isin(self.cell, PITS)
        reward = -0.04 + 1.0 * home - 1.0 * lost
        reward = reward * self.alive
        self.alive = self.alive & ~home & ~lost
        return reward


def rollout(policy, walkers, greedy=False):
    """Play one episode per walker: log-probabilities, entropies, rewards and masks, each (time, walkers)."""
    grid, record = Grid(walkers), []
    for _ in range(HORIZON):
        alive = grid.alive.float()
        dist = torch.distributions.Categorical(logits=policy(grid.observe()), validate_args=False)
        action = dist.probs.argmax(dim=1) if greedy else dist.sample()
        record.append((dist.log_prob(action), dist.entropy(), grid.step(action), alive))
    return [torch.stack(column) for column in zip(*record)]


def discounted_returns(rewards):
    """Return to go at every step."""
    returns = torch.zeros_like(rewards)
    future = torch.zeros(rewards.shape[1])
    for t in reversed(range(len(rewards))):
        future = rewards[t] + GAMMA * future
        returns[t] = future
    return returns


def main():
    """Train the policy and play greedily."""
    torch.manual_seed(0)
    policy = nn.Sequential(nn.Linear(SIZE * SIZE, 32), nn.Tanh(), nn.Linear(32, 4))
    optimizer = torch.optim.Adam(policy.parameters(), lr=0.015)
    for update in range(1, 101):
        log_prob, entropy, rewards, alive = rollout(policy, walkers=80)
        returns = discounted_returns(rewards)
        baseline = (returns * alive).sum(dim=1, keepdim=True) / alive.sum(dim=1, keepdim=True).clamp(min=1.0)
        advantage = returns - baseline
        loss = -((log_prob * advantage + 0.03 * entropy) * alive).sum() / alive.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if update % 20 == 0:
            print(f"update {update:3d}  mean sampled reward {rewards.sum(dim=0).mean().item():.3f}")

    with torch.no_grad():
        rewards = rollout(policy, walkers=2000, greedy=True)[2]
    print(f"greedy return {rewards.sum(dim=0).mean().item():.4f}")


if __name__ == "__main__":
    main()
