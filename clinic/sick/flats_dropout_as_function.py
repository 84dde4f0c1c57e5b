"""A network prices flats. Dropout is called as a function, which leaves out units whatever the network's mode is.

Fault: evaluated_in_training_mode
Fix: tell the function the mode: training=self.training
"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(8)  # clinic: seed(8) | seed(80)
rooms, area, floor = torch.rand(1200, 1), torch.rand(1200, 1), torch.rand(1200, 1)
features = (torch.cat([rooms, area, floor], dim=1) - 0.5) * 3.5
price = 2 * area * (1 + 0.5 * rooms) + 0.3 * torch.sin(6 * floor) + 0.05 * torch.randn(1200, 1)
price = (price - price.mean()) / price.std()


class Prices(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 128)
        self.last = nn.Linear(128, 1)

    def forward(self, x):
        hidden = torch.tanh(self.first(x))
        hidden = F.dropout(hidden, 0.5)  # clinic: 0.5 | 0.6
        return self.last(hidden)


network = Prices()
optimizer = torch.optim.Adam(network.parameters(), lr=0.005)
for epoch in range(60):
    network.train()
    for rows in torch.randperm(1000).split(50):
        loss = F.mse_loss(network(features[rows]), price[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        network.eval()
        with torch.no_grad():
            error = (network(features[1000:]) - price[1000:]).square().mean().sqrt()
        print(f"epoch {epoch + 1}: test rmse {error.item():.4f}")
