"""Contextual bandit: pick an arm for each image, see only that arm's reward."""
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def parse_args():
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=2500)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--entropy", type=float, default=0.01)
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args()


class Policy(nn.Module):
    def __init__(self, n_in=64, n_arms=10, hidden=128):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, hidden), nn.ReLU(), nn.Linear(hidden, n_arms))

    def forward(self, x):
        return torch.distributions.Categorical(logits=self.body(x))


class Environment:
    """Reward is 1 with probability 0.95 for the right arm, 0.05 for others."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def contexts(self, n):
        self.idx = torch.randint(len(self.x), (n,))
        return self.x[self.idx]

    def pull(self, arms):
        p = torch.where(arms == self.y[self.idx], 0.95, 0.05)
        return torch.bernoulli(p)


def greedy_accuracy(policy, x, y):
    with torch.no_grad():
        return (policy(x).probs.argmax(1) == y).float().mean().item()


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    x, y = load_digits(return_X_y=True)
    xa, xb, ya, yb = train_test_split(x / 16.0, y, test_size=0.25, random_state=1, stratify=y)
    xa, xb = torch.tensor(xa, dtype=torch.float32), torch.tensor(xb, dtype=torch.float32)
    ya, yb = torch.tensor(ya), torch.tensor(yb)

    env, policy = Environment(xa, ya), Policy()
    opt = torch.optim.Adam(policy.parameters(), lr=args.lr, maximize=True)
    baseline, recent = 0.1, 0.1
    print(f"untrained greedy accuracy {greedy_accuracy(policy, xb, yb):.3f}")
    for step in range(1, args.steps + 1):
        dist = policy(env.contexts(args.batch))
        arms = dist.sample()
        reward = env.pull(arms)
        gain = ((reward - baseline) * dist.log_prob(arms)).mean() + args.entropy * dist.entropy().mean()
        opt.zero_grad()
        gain.backward()
        opt.step()
        baseline = 0.95 * baseline + 0.05 * reward.mean().item()
        recent = 0.99 * recent + 0.01 * reward.mean().item()
        if step % 250 == 0:
            print(f"step {step:5d}  gain {gain.item():+.4f}  avg reward {recent:.3f}")
    print(f"final greedy accuracy {greedy_accuracy(policy, xb, yb):.3f}")


if __name__ == "__main__":
    main()
