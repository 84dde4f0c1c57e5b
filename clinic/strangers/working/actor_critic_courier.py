"""Advantage actor-critic: a courier fetches a parcel on a grid and brings it to the depot."""
import argparse

import torch
import torch.nn as nn

ap = argparse.ArgumentParser()
ap.add_argument("--updates", type=int, default=400)
ap.add_argument("--envs", type=int, default=48)
ap.add_argument("--horizon", type=int, default=16)
ap.add_argument("--lr", type=float, default=3e-3)
ap.add_argument("--gamma", type=float, default=0.97)
ap.add_argument("--lam", type=float, default=0.9)
ap.add_argument("--seed", type=int, default=4)
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

SIZE, LIMIT = 6, 50
MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])
DEPOT = torch.tensor([0, 0])


class Courier:
    def __init__(self, n):
        self.n = n
        self.agent, self.parcel, self.loaded, self.t = self.fresh()

    def fresh(self):
        return (torch.randint(SIZE, (self.n, 2)), torch.randint(1, SIZE, (self.n, 2)),
                torch.zeros(self.n, dtype=torch.bool), torch.zeros(self.n, dtype=torch.long))

    def observe(self):
        goal = torch.where(self.loaded[:, None], DEPOT, self.parcel)
        return torch.cat([self.agent / SIZE, (goal - self.agent) / SIZE, self.loaded[:, None].float()], 1)

    def step(self, action):
        self.agent = (self.agent + MOVES[action]).clamp(0, SIZE - 1)
        self.t = self.t + 1
        delivered = self.loaded & (self.agent == DEPOT).all(1)
        picked = ~self.loaded & (self.agent == self.parcel).all(1)
        self.loaded = self.loaded | picked
        reward = picked.float() + 5.0 * delivered.float()
        late = (self.t >= LIMIT) & ~delivered
        nxt, over = self.observe(), delivered | late
        fresh = self.fresh()
        self.agent = torch.where(over[:, None], fresh[0], self.agent)
        self.parcel = torch.where(over[:, None], fresh[1], self.parcel)
        self.loaded, self.t = self.loaded & ~over, torch.where(over, fresh[3], self.t)
        return nxt, reward, delivered, over


actor = nn.Sequential(nn.Linear(5, 64), nn.Tanh(), nn.Linear(64, 4))
critic = nn.Sequential(nn.Linear(5, 64), nn.Tanh(), nn.Linear(64, 1))
opt = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=args.lr)


@torch.no_grad()
def evaluate(n=500):
    env = Courier(n)
    best = (env.agent - env.parcel).abs().sum(1) + env.parcel.sum(1)
    pending, ok, steps = torch.ones(n, dtype=torch.bool), torch.zeros(n), torch.zeros(n)
    for _ in range(LIMIT):
        steps += pending
        _, _, delivered, over = env.step(torch.distributions.Categorical(logits=actor(env.observe())).sample())
        ok += pending & delivered
        pending &= ~over
    return ok.mean().item(), steps.mean().item(), best.float().mean().item()


env = Courier(args.envs)
print("untrained: delivered %.3f, %.1f steps (shortest possible %.1f)" % evaluate())
for update in range(1, args.updates + 1):
    rows = []
    for _ in range(args.horizon):
        o = env.observe()
        with torch.no_grad():
            a = torch.distributions.Categorical(logits=actor(o)).sample()
        rows.append((o, a, *env.step(a)))
    obs, acts, nexts, rewards, ends, overs = (torch.stack(c) for c in zip(*rows))

    values = critic(obs).squeeze(-1)
    with torch.no_grad():
        delta = rewards + args.gamma * (~ends) * critic(nexts).squeeze(-1) - values
        adv, running = torch.zeros_like(delta), torch.zeros(args.envs)
        for t in reversed(range(args.horizon)):
            running = delta[t] + args.gamma * args.lam * (~overs[t]) * running
            adv[t] = running
        returns = adv + values
        adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    dist = torch.distributions.Categorical(logits=actor(obs))
    policy_loss = -(adv * dist.log_prob(acts)).mean()
    value_loss = (returns - values).pow(2).mean()
    loss = policy_loss + 0.5 * value_loss - 0.01 * dist.entropy().mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(actor.parameters(), 0.5)
    opt.step()
    if update % 50 == 0 or update == 10:
        ok, steps, _ = evaluate(200)
        print(f"update {update:3d}  policy {policy_loss.item():+.4f}  value loss {value_loss.item():.3f}  "
              f"mean V {values.mean().item():.2f}  delivered {ok:.3f}  steps {steps:.1f}")
print("final: delivered %.3f, %.1f steps (shortest possible %.1f)" % evaluate(1000))
