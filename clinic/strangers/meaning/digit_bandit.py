"""Trains a contextual-bandit policy with REINFORCE: see a digit image, choose one of ten arms, get reward 1 for the right arm."""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.distributions import Categorical


class DigitBandit:
    def __init__(self, images, labels):
        self.images = images
        self.labels = labels

    def observe(self, n):
        self.idx = torch.randint(len(self.images), (n,))
        return self.images[self.idx]

    def pull(self, arms):
        return (arms == self.labels[self.idx]).float()


class Policy(nn.Module):
    def __init__(self, n_in=64, n_arms=10):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_in, 128), nn.Tanh(), nn.Linear(128, n_arms))

    def forward(self, x):
        return Categorical(logits=self.net(x))

    def act(self, x):
        return self(x).sample()


class Agent:
    def __init__(self, policy, lr=3e-3, entropy_coef=0.01):
        self.policy = policy
        self.optimizer = torch.optim.Adam(policy.parameters(), lr=lr)
        self.entropy_coef = entropy_coef
        self.baseline = 0.0

    def update(self, contexts, arms, rewards):
        dist = self.policy(contexts)
        log_prob = dist.log_prob(self.policy.act(contexts))
        advantage = rewards - self.baseline
        loss = -(log_prob * advantage).mean() - self.entropy_coef * dist.entropy().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.baseline = 0.95 * self.baseline + 0.05 * rewards.mean().item()
        return loss.item()


@torch.no_grad()
def test_reward(policy, images, labels):
    """Mean reward of the greedy policy on unseen images."""
    greedy = policy(images).logits.argmax(dim=1)
    return (greedy == labels).float().mean().item()


def main():
    torch.manual_seed(7)
    X, y = load_digits(return_X_y=True)
    X_tr, X_te, y_tr, y_te = train_test_split(X / 8.0 - 1.0, y, test_size=0.25, random_state=0, stratify=y)
    X_tr, X_te = (torch.tensor(a, dtype=torch.float32) for a in (X_tr, X_te))
    y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)

    env = DigitBandit(X_tr, y_tr)
    agent = Agent(Policy())
    history = []
    for step in range(1, 1201):
        contexts = env.observe(64)
        with torch.no_grad():
            arms = agent.policy.act(contexts)
        rewards = env.pull(arms)
        agent.update(contexts, arms, rewards)
        history.append(rewards.mean().item())
        if step % 150 == 0:
            recent = sum(history[-150:]) / 150
            print(f"step {step:4d}  train reward {recent:.3f}  "
                  f"test reward {test_reward(agent.policy, X_te, y_te):.3f}")


if __name__ == "__main__":
    main()
