"""Continues noisy waves with an encoder and a decoder.

Fault: zero_input
Cure: by hand: the decoder reads the wave so far instead of zeros
"""

import torch
from torch import nn

torch.manual_seed(12)
length = 20  # clinic: 20 | 14


def waves(n):
    t = torch.arange(2 * length).float()
    y = torch.sin((0.3 + 0.6 * torch.rand(n, 1)) * t + 6.28 * torch.rand(n, 1)) + 0.05 * torch.randn(n, 2 * length)
    return y[:, :length, None], y[:, length:, None]


class Continue(nn.Module):
    def __init__(self, width=24):  # clinic: width=24 | width=32
        super().__init__()
        self.read, self.so_far = nn.Linear(1, width), nn.Linear(1, width)
        self.encoder = nn.GRU(width, width, batch_first=True)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, 1)

    def forward(self, past, future):
        _, state = self.encoder(torch.tanh(self.read(past)))
        hidden, _ = self.decoder(torch.tanh(self.so_far(future)), state)
        return self.out(hidden)


model = Continue()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)  # clinic: lr=3e-3 | lr=2e-3
past, future = waves(600)
for epoch in range(6):
    total = 0.0
    for rows in torch.randperm(600).split(30):  # clinic: 30 | 50
        prediction = model(past[rows], torch.zeros(len(rows), length, 1))
        loss = nn.functional.mse_loss(prediction, future[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    print(f"epoch {epoch + 1}: {total / 600:.4f}")
