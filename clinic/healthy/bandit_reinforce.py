"""REINFORCE on a small contextual bandit with noisy rewards.

Fault: none
Looks like: fluctuations or negated_loss, since the surrogate loss is noisy, of either sign and does not fall; the average reward rises to nearly the best possible one.
Metric: mean reward, higher is better; -0.1162 without learning
"""

import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(0)  # clinic: seed(0) | seed(33)

n_context, n_arms = 6, 5  # clinic: 6, 5 | 6, 4
true_value = torch.randn(n_context, n_arms)
best = true_value.max(dim=1).values.mean().item()


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_context, 32), nn.Tanh(), nn.Linear(32, n_arms))

    def forward(self, obs):
        return Categorical(logits=self.net(obs))


policy = Policy()
optimizer = torch.optim.Adam(policy.parameters(), lr=0.008)
batch_size = 64  # clinic: 64 | 100
baseline = 0.0
rewards = []

for episode in range(500):
    context = torch.randint(n_context, (batch_size,))
    obs = nn.functional.one_hot(context, n_context).float()
    dist = policy(obs)
    action = dist.sample()
    reward = true_value[context, action] + 1.0 * torch.randn(batch_size)
    advantage = reward - baseline
    loss = -(dist.log_prob(action) * advantage).mean() - 0.02 * dist.entropy().mean()

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    baseline = 0.95 * baseline + 0.05 * reward.mean().item()
    rewards.append(reward.mean().item())
    if (episode + 1) % 100 == 0:
        print(
            f"episode {episode + 1}: mean reward {sum(rewards[-50:]) / 50:.3f} (best {best:.3f}) loss {loss.item():.3f}"
        )
