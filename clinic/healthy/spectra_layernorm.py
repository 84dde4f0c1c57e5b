"""Which substance is it? Spectra recorded at very different gains; the net starts with a layer normalisation.

Fault: none
Looks like: inputs_not_normalised, since the values go from fractions to thousands; the gain of an example means nothing and LayerNorm removes it.
Metric: test acc, higher is better; 0.1452 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)  # clinic: seed(0) | seed(40)
N_SUBSTANCES, N_CHANNELS = 6, 60  # clinic: 6, 60 | 8, 80

channel = torch.arange(N_CHANNELS).float()
centres = torch.rand(N_SUBSTANCES, 3) * N_CHANNELS
heights = torch.rand(N_SUBSTANCES, 3) * 0.5 + 0.3


def record(n):
    label = torch.randint(N_SUBSTANCES, (n,))
    shift = 2.0 * torch.randn(n, 1, 1)
    peaks = torch.exp(-0.5 * ((channel - centres[label].unsqueeze(-1) - shift) / 4.0) ** 2)
    clean = (heights[label].unsqueeze(-1) * peaks).sum(1) + 0.5
    gain = 10 ** (torch.rand(n, 1) * 3)
    return gain * (clean + 0.5 * torch.randn(n, N_CHANNELS)), label


class SpectrumNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(N_CHANNELS)
        self.fc1 = nn.Linear(N_CHANNELS, 64)
        self.fc2 = nn.Linear(64, N_SUBSTANCES)

    def forward(self, s):
        return self.fc2(F.relu(self.fc1(self.norm(s))))


test_x, test_y = record(1000)
net = SpectrumNet()
optimizer = torch.optim.Adam(net.parameters(), lr=6e-3)  # clinic: lr=6e-3 | lr=4e-3

for epoch in range(5):
    net.train()
    losses = torch.zeros(100)
    for k in range(100):
        spectra, labels = record(64)
        loss = F.cross_entropy(net(spectra), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[k] = loss.item()
    net.eval()
    with torch.no_grad():
        acc = (net(test_x).argmax(-1) == test_y).float().mean()
    print(f"epoch {epoch} loss {losses.mean():.4f} test acc {acc:.3f}")
