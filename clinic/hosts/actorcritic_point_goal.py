"""Advantage actor-critic that steers a point through a steady wind to a goal.

Field: actor-critic
Metric: greedy return, higher is better; -4.121 without learning
"""

import torch
from torch import nn
from torch.distributions import Normal

WIND = torch.tensor([0.04, -0.03])
REACH, GAMMA, N_STEP = 0.15, 0.95, 8


class PointWorld:
    """Many points at once; the action is a velocity of at most 1 per axis, and arrival ends the episode."""

    def __init__(self, n):
        self.pos, self.goal = self.draw(n), self.draw(n)

    @staticmethod
    def draw(n):
        """Random places."""
        return 2.0 * torch.rand(n, 2) - 1.0

    def observe(self):
        """Position and the way to the goal."""
        return torch.cat([self.pos, self.goal - self.pos], dim=1)

    def step(self, action):
        """Reward is the negative distance, plus one on arrival."""
        self.pos = (self.pos + 0.15 * action.clamp(-1.0, 1.0) + WIND).clamp(-1.5, 1.5)
        distance = (self.goal - self.pos).norm(dim=1)
        arrived = distance < REACH
        return -0.1 * distance + arrived.float(), arrived

    def restart(self, which):
        """Put some of the points and goals at new places."""
        self.pos = torch.where(which.unsqueeze(1), self.draw(len(which)), self.pos)
        self.goal = torch.where(which.unsqueeze(1), self.draw(len(which)), self.goal)


class Actor(nn.Module):
    """Gaussian policy with a state-independent spread."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2))
        self.log_std = nn.Parameter(torch.full((2,), -0.5))

    def forward(self, obs):
        """Distribution over actions."""
        return Normal(self.mean(obs), self.log_std.exp(), validate_args=False)


def evaluate(actor, n=1000, horizon=40):
    """Mean undiscounted return with the mean action."""
    world, total, active = PointWorld(n), torch.zeros(n), torch.ones(n)
    for _ in range(horizon):
        with torch.no_grad():
            reward, arrived = world.step(actor(world.observe()).mean)
        total += reward * active
        active = active * (~arrived).float()
    return total.mean().item()


def main():
    """Train both networks and evaluate the actor."""
    torch.manual_seed(0)
    actor = Actor()
    critic = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 1))
    actor_opt = torch.optim.Adam(actor.parameters(), lr=4e-3)
    critic_opt = torch.optim.Adam(critic.parameters(), lr=8e-3)
    world = PointWorld(128)
    for update in range(1, 161):
        values, log_probs, rewards, live = [], [], [], []
        for _ in range(N_STEP):
            obs = world.observe()
            dist = actor(obs)
            action = dist.sample()
            reward, arrived = world.step(action)
            world.restart(arrived)
            values.append(critic(obs).squeeze(1))
            log_probs.append(dist.log_prob(action).sum(dim=1))
            rewards.append(reward)
            live.append((~arrived).float())
        with torch.no_grad():
            target = critic(world.observe()).squeeze(1)
        world.restart(torch.rand(len(target)) < 0.1)  # a time limit, after the value of the last state was taken
        targets = []
        for reward, alive in zip(reversed(rewards), reversed(live)):
            target = reward + GAMMA * alive * target
            targets.insert(0, target)
        advantage = torch.stack(targets) - torch.stack(values)
        weight = (advantage - advantage.mean()).detach() / (advantage.std().detach() + 1e-6)
        actor_loss = -(torch.stack(log_probs) * weight).mean()
        critic_loss = advantage.pow(2).mean()
        for opt, loss in ((actor_opt, actor_loss), (critic_opt, critic_loss)):
            opt.zero_grad()
            loss.backward()
            opt.step()
        if update % 32 == 0:
            print(f"update {update}  reward per step {torch.stack(rewards).mean():.3f}  critic {critic_loss:.4f}")
    print(f"greedy return {evaluate(actor):.4f}")


if __name__ == "__main__":
    main()
