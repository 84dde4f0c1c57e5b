"""A recurrent network reads a nursery rhyme letter by letter, with the large learning rate that clipping allows.

Fault: clipped_after_step
Fix: clip_before_step
"""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(2)  # clinic: manual_seed(2) | manual_seed(7)
rhyme = (
    "this is the farmer sowing the corn that kept the cock that crowed in the morn that waked the priest all shaven and "
    "shorn that married the man all tattered and torn that kissed the maiden all forlorn that milked the cow with the "
    "crumpled horn that tossed the dog that worried the cat that killed the rat that ate the malt "
) * 6
letters = sorted(set(rhyme))
codes = torch.tensor([letters.index(letter) for letter in rhyme])
LENGTH, BATCH = 24, 16


class Reader(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.embed = nn.Embedding(len(letters), 16)
        self.rnn = nn.RNN(16, width, batch_first=True)
        self.out = nn.Linear(width, len(letters))

    def forward(self, x):
        return self.out(self.rnn(self.embed(x))[0])


reader = Reader(width=64)  # clinic: width=64 | width=80
optimizer = torch.optim.SGD(reader.parameters(), lr=4.0)
for step in range(300):
    starts = torch.randint(len(codes) - LENGTH - 1, (BATCH,))
    windows = torch.stack([codes[start : start + LENGTH + 1] for start in starts])
    logits = reader(windows[:, :-1])
    loss = F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    nn.utils.clip_grad_norm_(reader.parameters(), 0.25)
    if step % 50 == 49:
        print(f"step {step + 1}: loss {loss.item():.4f}")
