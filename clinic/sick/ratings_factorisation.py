"""Complete a table of ratings by matrix factorisation.

Fault: saddle_point or bad_initialisation
Fix: start the factors with a standard deviation of about 0.3
"""

import torch
from torch import nn

torch.manual_seed(19)
n_users, n_items, rank = 60, 40, 3  # clinic: 60, 40, 3 | 80, 50, 4 | 50, 50, 2
taste = torch.randn(n_users, rank)
style = torch.randn(n_items, rank)
ratings = taste @ style.T / rank**0.5 + 0.05 * torch.randn(n_users, n_items)
observed = torch.rand(n_users, n_items) < 0.7


class Factors(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.user = nn.Embedding(n_users, k)
        self.item = nn.Embedding(n_items, k)
        nn.init.normal_(self.user.weight, std=1e-7)  # clinic: std=1e-7 | std=1e-8 | std=1e-9
        nn.init.normal_(self.item.weight, std=1e-7)

    def forward(self):
        return self.user.weight @ self.item.weight.T


model = Factors(rank)
optimizer = torch.optim.SGD(model.parameters(), lr=4.0)  # clinic: lr=4.0 | lr=3.0 | lr=3.5
for sweep in range(120):
    residual = (model() - ratings)[observed]
    loss = residual.pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if sweep % 20 == 19:
        print(f"sweep {sweep + 1}: mse {loss.item():.4f}")
