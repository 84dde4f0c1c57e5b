"""Recall the first symbol of a sequence with a recurrent network.

Fault: vanishing_gradients
Fix: an orthogonal recurrent matrix
"""

import torch
from torch import nn


class Recall(nn.Module):
    def __init__(self, n_symbols, n_hidden):
        super().__init__()
        self.embed = nn.Embedding(n_symbols, 16, padding_idx=0)
        self.rnn = nn.RNN(16, n_hidden, batch_first=True)
        self.head = nn.Linear(n_hidden, n_symbols)

    def forward(self, tokens):
        states, _ = self.rnn(self.embed(tokens))
        return self.head(states[:, -1])


def sample(batch, length, n_symbols):
    tokens = torch.zeros(batch, length, dtype=torch.long)
    tokens[:, 0] = torch.randint(1, n_symbols, (batch,))
    return tokens, tokens[:, 0]


def main(steps=300, batch=32, length=50, n_symbols=9):  # clinic: length=50 | length=40 | length=60
    torch.manual_seed(5)
    net = Recall(n_symbols, n_hidden=48)  # clinic: n_hidden=48 | n_hidden=32 | n_hidden=64
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)  # clinic: lr=1e-3 | lr=2e-3
    loss_fn = nn.CrossEntropyLoss()
    mean = None
    for step in range(1, steps + 1):
        tokens, first = sample(batch, length, n_symbols)
        loss = loss_fn(net(tokens), first)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean = loss.item() if mean is None else 0.95 * mean + 0.05 * loss.item()
        if step % 50 == 0:
            print(f"step {step} running loss {mean:.4f}")


if __name__ == "__main__":
    main()
