"""A policy for digit images learnt from logged bandit feedback with inverse propensity weights.

Field: contextual bandit
Metric: policy value, higher is better; 0.122 without learning
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)

images, labels = load_digits(return_X_y=True)
images = (images / 16.0).astype(np.float32)
order = rng.permutation(len(images))
x_log, y_log = images[order[:1300]], labels[order[:1300]]
x_test, y_test = images[order[1300:]], labels[order[1300:]]

# the old policy: softmax of the distances to rough class means, made to explore half of the time
means = np.stack([x_log[:100][y_log[:100] == k].mean(axis=0) for k in range(10)])
distance = ((x_log[:, None, :] - means) ** 2).sum(axis=2)
closeness = np.exp(-0.5 * (distance - distance.min(axis=1, keepdims=True)))
old_policy = 0.5 * closeness / closeness.sum(axis=1, keepdims=True) + 0.5 / 10

contexts, actions, propensities, rewards = [], [], [], []
for _ in range(6):
    cumulative = old_policy.cumsum(axis=1)
    chosen = (cumulative < rng.random((len(x_log), 1))).sum(axis=1).clip(max=9)
    contexts.append(x_log)
    actions.append(chosen)
    propensities.append(old_policy[np.arange(len(x_log)), chosen])
    rewards.append((chosen == y_log).astype(np.float32))
x = torch.from_numpy(np.concatenate(contexts))
a = torch.from_numpy(np.concatenate(actions))
p = torch.from_numpy(np.concatenate(propensities)).float()
r = torch.from_numpy(np.concatenate(rewards))
print(f"logged {len(x)} decisions, mean reward {r.mean():.3f}")


def ips_loss(logits, action, propensity, reward, baseline):
    """Negative importance-weighted reward above a baseline, less an entropy bonus."""
    log_prob = torch.log_softmax(logits, dim=1)
    entropy = -(log_prob.exp() * log_prob).sum(dim=1)
    weight = log_prob.gather(1, action.unsqueeze(1)).squeeze(1).exp() / propensity
    return -(weight * (reward - baseline)).mean() - 0.05 * entropy.mean()


policy = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3, weight_decay=1e-5)
baseline = r.mean()

for epoch in range(1, 16):
    policy.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(512):
        logits = policy(x[idx])
        loss = ips_loss(logits, a[idx], p[idx], r[idx], baseline)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x)
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d}  objective {-total:.3f}")

policy.eval()
with torch.no_grad():
    decision = policy(torch.from_numpy(x_test)).argmax(dim=1).numpy()
print(f"policy value {np.mean(decision == y_test):.4f}")
