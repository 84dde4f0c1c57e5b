"""REINFORCE with a value baseline on a walk of nine cells; sick: a learning rate far too large."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.distributions import Categorical

CELLS, GOAL, LIMIT = 9, 8, 30


class Agent(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(CELLS, 32), nn.Tanh())
        self.policy, self.value = nn.Linear(32, 2), nn.Linear(32, 1)

    def forward(self, cells):
        features = self.body(F.one_hot(cells, CELLS).float())
        return Categorical(logits=self.policy(features)), self.value(features).squeeze(-1)


def play(agent, episodes):
    """Return the cells, the actions and the returns of some episodes played side by side."""
    cells = torch.full((episodes,), 3)
    running = torch.ones(episodes, dtype=torch.bool)
    steps = []
    for _ in range(LIMIT):
        with torch.no_grad():
            actions = agent(cells)[0].sample()
        steps.append((cells, actions, running.clone()))
        cells = (cells + 2 * actions - 1).clamp(0, GOAL)
        running &= cells != GOAL
    lasting = torch.stack([alive for _, _, alive in steps])
    to_go = lasting.flip(0).cumsum(0).flip(0)
    returns = -to_go.float() / LIMIT
    visited, chosen = torch.stack([c for c, _, _ in steps]), torch.stack([a for _, a, _ in steps])
    return visited[lasting], chosen[lasting], returns[lasting]


torch.manual_seed(0)
agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=1e-2)  # sick: lr=1e-2 | lr=3.0
for update in range(100):
    cells, actions, returns = play(agent, 16)
    policy, values = agent(cells)
    advantages = (returns - values).detach()
    policy_loss = -(policy.log_prob(actions) * advantages).mean()
    value_loss = F.mse_loss(values, returns)
    loss = policy_loss + 0.5 * value_loss - 0.01 * policy.entropy().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(update, loss.item(), returns.mean().item())
