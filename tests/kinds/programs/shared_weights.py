"""A language model whose output layer is its embedding; sick: the gradients are never cleared."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
text = "she sells sea shells by the sea shore and the shells she sells are sea shells for sure " * 20
letters = sorted(set(text))
codes = torch.tensor([letters.index(letter) for letter in text])


class Model(nn.Module):
    def __init__(self, size, width=32):
        super().__init__()
        self.embedding = nn.Embedding(size, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.output = nn.Linear(width, size, bias=False)
        self.output.weight = self.embedding.weight

    def forward(self, tokens):
        states, _ = self.rnn(self.embedding(tokens))
        return self.output(states)


model = Model(len(letters))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for step in range(150):
    starts = torch.randint(0, len(codes) - 25, (16,)).tolist()
    batch = torch.stack([codes[start : start + 25] for start in starts])
    loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
    optimizer.zero_grad()  # sick: optimizer.zero_grad() | pass
    loss.backward()
    optimizer.step()
    print(step, loss.item())
