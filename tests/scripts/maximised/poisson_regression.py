"""Correct: a Poisson regression whose log-likelihood is maximised, with `maximize=True`."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(500, 4)
counts = torch.poisson(torch.exp(0.4 + x @ torch.tensor([0.5, -0.4, 0.3, 0.1])))
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, maximize=True)
for epoch in range(200):
    log_rate = model(x).squeeze(1)
    log_likelihood = (counts * log_rate - log_rate.exp()).mean()
    optimizer.zero_grad()
    log_likelihood.backward()
    optimizer.step()
    if epoch % 20 == 0:
        print(f"epoch {epoch}: log-likelihood {log_likelihood.item():.4f}")
