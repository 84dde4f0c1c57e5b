"""Which of two tones does a noisy recording hold?

Fault: examples_mixed
Fix: batch_first=True
"""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(11)
torch.manual_seed(11)

LENGTH = 20  # clinic: 20 | 26 | 16
count = 700
low = rng.integers(0, 2, count)
time = np.arange(LENGTH)
phase = rng.uniform(0, 2 * np.pi, (count, 1))
tone = np.sin((0.4 + 0.5 * low[:, None]) * time + phase)
recordings = np.stack([tone, rng.normal(size=tone.shape)], axis=-1) + 0.2 * rng.normal(size=(count, LENGTH, 2))

data = TensorDataset(torch.tensor(recordings).float(), torch.tensor(low))
loader = DataLoader(data, batch_size=35, shuffle=True)


class ToneNet(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.LSTM(2, hidden)  # clinic: nn.LSTM(2, hidden) | nn.GRU(2, hidden) | nn.LSTM(input_size=2, hidden_size=hidden)
        self.head = nn.Linear(hidden, 2)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.head(out[:, -1])


model = ToneNet(24)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # clinic: lr=0.01 | lr=0.005 | lr=0.015
for epoch in range(20):
    hits = 0
    for x, y in loader:
        scores = model(x)
        loss = nn.functional.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += (scores.argmax(1) == y).sum().item()
    print(f"{epoch}: {hits / count:.3f}")
