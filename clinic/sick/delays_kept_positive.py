"""A network predicts by how many minutes trains are late or early; what it says is kept positive before it is judged.

Fault: unreachable_loss
Fix: judge the output as it is: half of the trains are early, and no positive number is one of theirs
"""

import torch
from torch import nn

torch.manual_seed(5)  # clinic: seed(5) | seed(50)
stops, load, rain = torch.rand(1000, 1), torch.rand(1000, 1), (torch.rand(1000, 1) < 0.3).float()
delay = 3 * (load - 0.5) * (1 + rain) + 2 * torch.sin(4 * stops) - 1.5 + 0.2 * torch.randn(1000, 1)
features = torch.cat([stops - 0.5, load - 0.5, rain - 0.3], dim=1) * 3


class Delay(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 40), nn.Tanh(), nn.Linear(40, 1))  # clinic: nn.Linear(3, 40), nn.Tanh(), nn.Linear(40, 1) | nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 1)

    def forward(self, x):
        minutes = self.layers(x)
        return minutes.clamp(min=0.0)  # clinic: minutes.clamp(min=0.0) | minutes.exp()


network = Delay()
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)  # clinic: 0.01 | 0.005


def pinball(said, true, share=0.5):
    over = true - said
    return torch.max(share * over, (share - 1) * over).mean()


for epoch in range(40):
    for rows in torch.randperm(800).split(40):
        said = network(features[rows])
        loss = pinball(said, delay[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            held_out = pinball(network(features[800:]), delay[800:])
        print(f"epoch {epoch + 1} test pinball loss {held_out.item():.4f}")
