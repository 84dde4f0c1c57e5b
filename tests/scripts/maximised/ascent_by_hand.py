"""Correct: a Poisson regression whose log-likelihood the script climbs by its own update, with a rate that decays."""

import torch

torch.manual_seed(0)
x = torch.randn(500, 4)
counts = torch.poisson(torch.exp(0.4 + x @ torch.tensor([0.5, -0.4, 0.3, 0.1])))
weights, bias = torch.zeros(4, requires_grad=True), torch.zeros((), requires_grad=True)
for step in range(400):
    batch = torch.randint(len(x), (100,))
    log_rate = x[batch] @ weights + bias
    log_likelihood = (counts[batch] * log_rate - log_rate.exp() - torch.lgamma(counts[batch] + 1)).mean()
    log_likelihood.backward()
    with torch.no_grad():
        for parameter in (weights, bias):
            parameter += 0.05 * 0.998**step * parameter.grad
            parameter.grad = None
    if step % 50 == 0:
        print(f"step {step}: log-likelihood {log_likelihood.item():.4f}")
