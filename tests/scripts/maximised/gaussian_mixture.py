"""Correct: a mixture of two normal distributions, trained by `(-log_likelihood).backward()`."""

import math
import torch

torch.manual_seed(0)
data = torch.cat([torch.randn(200) * 0.5 - 2, torch.randn(200) * 0.8 + 1.5])
means = torch.tensor([-1.0, 1.0], requires_grad=True)
log_scales = torch.zeros(2, requires_grad=True)
logits = torch.zeros(2, requires_grad=True)
optimizer = torch.optim.Adam([means, log_scales, logits], lr=0.02)
for step in range(300):
    z = (data[:, None] - means) / log_scales.exp()
    log_density = -0.5 * z.square() - log_scales - 0.5 * math.log(2 * math.pi)
    ll = torch.logsumexp(torch.log_softmax(logits, 0) + log_density, 1).mean()
    optimizer.zero_grad()
    (-ll).backward()
    optimizer.step()
print(f"log-likelihood {ll.item():.4f}")
