"""Parity-like task on sequences of unequal length, packed; sick: a sigmoid before the loss that applies its own."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

torch.manual_seed(0)


class FirstSign(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 24, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, sequences, lengths):
        packed = pack_padded_sequence(sequences, lengths, batch_first=True, enforce_sorted=False)
        _, last = self.rnn(packed)
        return self.head(last[0]).squeeze(1)  # sick: .squeeze(1) | .squeeze(1).sigmoid()


model = FirstSign()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(150):
    lengths = torch.randint(3, 12, (48,))
    sequences = torch.randn(48, 11, 3)
    answers = (sequences[torch.arange(48), lengths - 1, 0] > 0).float()
    loss = criterion(model(sequences, lengths), answers)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(step, loss.item())
