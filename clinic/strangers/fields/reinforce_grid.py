"""REINFORCE on a 4x4 grid with a wall and a pit."""
import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical


class GridWorld:
    MOVES = [(-1, 0), (1, 0), (0, -1), (0, 1)]

    def __init__(self, size=4, max_steps=25):
        self.size = size
        self.max_steps = max_steps
        self.goal = (size - 1, size - 1)
        self.pit = (size - 1, 0)
        self.walls = {(1, 1), (1, 2)}

    def _obs(self):
        v = np.zeros(self.size * self.size, dtype=np.float32)
        v[self.pos[0] * self.size + self.pos[1]] = 1.0
        return v

    def reset(self):
        self.pos = (0, 0)
        self.t = 0
        return self._obs()

    def step(self, action):
        dr, dc = self.MOVES[action]
        r = min(max(self.pos[0] + dr, 0), self.size - 1)
        c = min(max(self.pos[1] + dc, 0), self.size - 1)
        if (r, c) not in self.walls:
            self.pos = (r, c)
        self.t += 1
        if self.pos == self.goal:
            return self._obs(), 1.0, True
        if self.pos == self.pit:
            return self._obs(), -1.0, True
        return self._obs(), -0.02, self.t >= self.max_steps


class Policy(nn.Module):
    def __init__(self, n_obs, n_actions, hidden=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_obs, hidden), nn.Tanh(), nn.Linear(hidden, n_actions))

    def forward(self, obs):
        return Categorical(logits=self.net(obs), validate_args=False)


class Agent:
    def __init__(self, env, lr=2e-2, gamma=0.95, batch_episodes=8):
        self.env = env
        self.gamma = gamma
        self.batch_episodes = batch_episodes
        self.policy = Policy(env.size ** 2, len(env.MOVES))
        self.optimizer = torch.optim.Adam(self.policy.parameters(), lr=lr)

    def play(self):
        obs, done = self.env.reset(), False
        log_probs, rewards = [], []
        while not done:
            dist = self.policy(torch.from_numpy(obs))
            action = dist.sample()
            log_probs.append(dist.log_prob(action).item())
            obs, reward, done = self.env.step(action.item())
            rewards.append(reward)
        return log_probs, rewards

    def discounted(self, rewards):
        out, g = [], 0.0
        for r in reversed(rewards):
            g = r + self.gamma * g
            out.append(g)
        return out[::-1]

    def update(self):
        log_probs, returns, totals = [], [], []
        for _ in range(self.batch_episodes):
            lp, rw = self.play()
            log_probs += lp
            returns += self.discounted(rw)
            totals.append(sum(rw))
        returns = torch.tensor(returns)
        log_probs = torch.tensor(log_probs, requires_grad=True)
        advantage = (returns - returns.mean()) / (returns.std() + 1e-8)
        loss = -(log_probs * advantage).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return np.mean(totals), loss.item()


def main(seed=0, updates=60):
    torch.manual_seed(seed)
    np.random.seed(seed)
    agent = Agent(GridWorld())
    history = []
    for it in range(1, updates + 1):
        ret, loss = agent.update()
        history.append(ret)
        if it % 20 == 0:
            print(f"update {it:4d}  loss {loss:+.4f}  mean return (last 20) {np.mean(history[-20:]):+.3f}")
    print(f"final mean return (last 20 updates): {np.mean(history[-20:]):+.3f}")


if __name__ == "__main__":
    main()
