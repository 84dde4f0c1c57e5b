"""Adds up the marked numbers of a sequence with an LSTM.

Field: sequence regression
Metric: test error, lower is better; 1.0624 without learning
On purpose: sequences are sorted by length; the shortest come first in each epoch, the long ones are left out at first.
Source: https://github.com/OpenBioML/protein-lm-scaling/pull/56 (curriculum by sequence length)
"""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

torch.manual_seed(0)


def make(count, shortest=4, longest=24):
    """Sequences of numbers, two of them marked, and the sum of the marked ones."""
    items = []
    for length in torch.randint(shortest, longest + 1, (count,)).tolist():
        values, marks = torch.rand(length), torch.zeros(length)
        marks[torch.randperm(length)[:2]] = 1.0
        items.append((torch.stack([values, marks], dim=1), (values * marks).sum()))
    return items


def collate(items):
    """Pads and keeps the lengths."""
    xs, ys = zip(*items)
    return pad_sequence(xs, batch_first=True), torch.tensor([len(x) for x in xs]), torch.stack(ys)


class Adder(nn.Module):
    """LSTM and a linear layer on its last state."""

    def __init__(self, hidden=40):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x, lengths):
        """The sum."""
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.out(self.lstm(packed)[1][0][-1]).squeeze(-1)


train = sorted(make(2400), key=lambda item: len(item[0]))
test = make(400)
batches = [train[i : i + 40] for i in range(0, len(train), 40)]
model, criterion = Adder(), nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
EPOCHS = 24
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    allowed = min(len(batches), 15 + 4 * epoch)
    for items in batches[:allowed]:
        x, lengths, y = collate(items)
        loss = criterion(model(x, lengths), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    schedule.step()
    if epoch % 6 == 5:
        print(f"epoch {epoch + 1}: up to {lengths.max().item()} numbers, loss {loss.item():.5f}")

with torch.no_grad():
    x, lengths, y = collate(test)
    error = (model(x, lengths) - y).square().mean().sqrt().item()
print(f"test error {error:.4f}")
