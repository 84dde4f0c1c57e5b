"""Bayesian logistic regression by variational inference: the evidence lower bound is maximised.

Fault: none
Looks like: negated_loss (a minus before the objective) and sum_reduction (the log-likelihood is summed over all the data); both follow from the bound.
Metric: accuracy, higher is better; 0.373 without learning
"""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch.distributions import Bernoulli, Normal, kl_divergence

torch.manual_seed(0)  # clinic: seed(0) | seed(2)
columns = [0, 1, 4, 8, 9, 11, 14]  # clinic: [0, 1, 4, 8, 9, 11, 14] | [1, 2, 4, 5, 8, 9]

data = load_breast_cancer()
X = torch.tensor(StandardScaler().fit_transform(data.data[:, columns]), dtype=torch.float32)
y = torch.tensor(data.target, dtype=torch.float32)
X = torch.cat([X, torch.ones(len(X), 1)], dim=1)
D = X.shape[1]

loc = torch.zeros(D, requires_grad=True)
log_scale = torch.full((D,), -1.0, requires_grad=True)
prior = Normal(torch.zeros(D), torch.ones(D))
optimizer = torch.optim.Adam([loc, log_scale], lr=0.05)  # clinic: lr=0.05 | lr=0.03
n_samples = 8  # clinic: 8 | 4


def elbo():
    q = Normal(loc, log_scale.exp())
    w = q.rsample((n_samples,))
    log_lik = Bernoulli(logits=w @ X.T).log_prob(y).sum(dim=1).mean()
    return log_lik - kl_divergence(q, prior).sum()


for step in range(400):
    optimizer.zero_grad()
    loss = -elbo()
    loss.backward()
    optimizer.step()
    if step % 80 == 79:
        acc = (((X @ loc.detach()) > 0).float() == y).float().mean().item()
        print(f"step {step + 1} elbo {-loss.item():.2f} accuracy {acc:.3f}")
