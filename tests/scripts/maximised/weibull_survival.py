"""Correct: a Weibull survival model whose log-likelihood is maximised, with `maximize=True`."""

import torch

torch.manual_seed(0)
n = 400
x = torch.randn(n, 3)
scale = torch.exp(1.0 + x @ torch.tensor([0.5, -0.3, 0.2]))
shape = 1.7
time = scale * (-torch.log(torch.rand(n))) ** (1 / shape)
censor = scale * 2 * torch.rand(n) + 0.2
event = (time <= censor).float()
time = torch.minimum(time, censor)

beta = torch.zeros(3, requires_grad=True)
bias = torch.zeros(1, requires_grad=True)
log_k = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.Adam([beta, bias, log_k], lr=0.02, maximize=True)
for epoch in range(300):
    eta = x @ beta + bias
    k = log_k.exp()
    z = (time.log() - eta) * k
    log_likelihood = (event * (log_k - time.log() + z) - z.exp()).mean()
    optimizer.zero_grad()
    log_likelihood.backward()
    optimizer.step()
print(f"log-likelihood {log_likelihood.item():.4f}")
