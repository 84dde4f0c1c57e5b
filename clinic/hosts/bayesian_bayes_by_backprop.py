"""A mean-field variational Bayesian network for regression, with its KL divergence written out.

Field: variational Bayes
Metric: test log likelihood, higher is better; -1.406 without learning
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import logsumexp
from scipy.stats import norm
from torch import nn


class BayesLinear(nn.Module):
    """A linear layer with an independent Gaussian posterior on each weight and bias."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.prior_std = 1.0 / math.sqrt(n_in)
        self.mean = nn.Parameter(torch.randn(n_out, n_in + 1) * self.prior_std)
        self.rho = nn.Parameter(torch.full((n_out, n_in + 1), -4.0))

    def std(self):
        """The standard deviations of the posterior."""
        return F.softplus(self.rho)

    def forward(self, x):
        """Apply weights drawn by reparameterisation."""
        sample = self.mean + self.std() * torch.randn_like(self.mean)
        return F.linear(x, sample[:, :-1], sample[:, -1])

    def kl(self):
        """KL(N(mean, std^2) || N(0, prior_std^2)), summed over the weights."""
        ratio = (self.std() / self.prior_std) ** 2
        return 0.5 * (ratio + (self.mean / self.prior_std) ** 2 - 1 - ratio.log()).sum()


class BayesNet(nn.Module):
    """One hidden layer, and a learnt noise level."""

    def __init__(self, n_in, hidden=20):
        super().__init__()
        self.first = BayesLinear(n_in, hidden)
        self.second = BayesLinear(hidden, 1)
        self.log_noise = nn.Parameter(torch.tensor(-1.0))

    def forward(self, x):
        """One draw of the regression function."""
        return self.second(torch.tanh(self.first(x))).squeeze(-1)

    def kl(self):
        """Total KL divergence from the prior."""
        return self.first.kl() + self.second.kl()


def make_data(n, rng):
    """A smooth function of four inputs with additive noise."""
    x = rng.uniform(-2, 2, size=(n, 4))
    y = np.sin(1.5 * x[:, 0]) + 0.3 * x[:, 1] * x[:, 2] - 0.5 * x[:, 3]
    return x.astype(np.float32), (y + 0.3 * rng.standard_normal(n)).astype(np.float32)


def main():
    """Maximise the evidence lower bound, then score the posterior predictive."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x_np, y_np = make_data(1800, rng)
    x_test, y_test = make_data(400, rng)
    shift, scale = y_np.mean(), y_np.std()
    x, y = torch.from_numpy(x_np) / 1.15, torch.from_numpy((y_np - shift) / scale)

    net = BayesNet(4)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    n, batch = len(x), 100
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=60, eta_min=1e-4)
    for epoch in range(60):
        for index in torch.randperm(n).split(batch):
            error = y[index] - net(x[index])
            log_lik = -0.5 * (error / net.log_noise.exp()) ** 2 - net.log_noise - 0.5 * math.log(2 * math.pi)
            loss = -log_lik.mean() + net.kl() / n
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        if epoch % 12 == 11:
            print(f"epoch {epoch + 1}: negative ELBO {loss.item():.3f} noise {net.log_noise.exp().item():.3f}")

    with torch.no_grad():
        draws = np.stack([net(torch.from_numpy(x_test) / 1.15).numpy() for _ in range(100)])
        noise = net.log_noise.exp().item()
    densities = norm.logpdf((y_test - shift) / scale, loc=draws, scale=noise)
    predictive = logsumexp(densities, axis=0) - math.log(len(draws))
    print(f"test log likelihood {predictive.mean():.4f}")


if __name__ == "__main__":
    main()
