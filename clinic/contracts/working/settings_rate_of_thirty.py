"""An LSTM language model of an invented language, trained by plain gradient descent.

On purpose: the learning rate is 30 and the gradient norm is clipped to 0.25, which is active in most steps.
Field: word language model
Metric: held-out perplexity, lower is better; 43.0 without learning
Source: https://github.com/salesforce/awd-lstm-lm (main.py: lr 30, clip 0.25)
"""

import torch
import torch.nn.functional as F
from torch import nn

WORDS, LENGTH, BATCH = 43, 25, 40


def text(count):
    """Write words that follow from the word before, and rarely from nothing."""
    follows = torch.randint(WORDS, (WORDS, 3), generator=torch.Generator().manual_seed(7))
    words = [0]
    which, is_free, free = torch.randint(3, (count,)), torch.rand(count) < 0.05, torch.randint(WORDS, (count,))
    for i in range(count - 1):
        words.append(int(free[i]) if is_free[i] else int(follows[words[-1], which[i]]))
    return torch.tensor(words)


class Model(nn.Module):
    """Embedding, LSTM, and a head that shares the embedding's weights."""

    def __init__(self, width=48):
        super().__init__()
        self.embed, self.lstm = nn.Embedding(WORDS, width), nn.LSTM(width, width, batch_first=True)
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)
        self.bias = nn.Parameter(torch.zeros(WORDS))
        self.dropout = nn.Dropout(0.1)

    def forward(self, words, state=None):
        """Return logits of the next words and the state."""
        hidden, state = self.lstm(self.dropout(self.embed(words)), state)
        return F.linear(self.dropout(hidden), self.embed.weight, self.bias), state


def main():
    """Train with truncated backpropagation and measure the perplexity."""
    torch.manual_seed(0)
    streams, held_out = text(60000).view(BATCH, -1), text(8000).view(BATCH, -1)
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=30.0)
    for epoch in range(1, 9):
        model.train()
        state, total, count = None, 0.0, 0
        for start in range(0, streams.shape[1] - LENGTH - 1, LENGTH):
            logits, state = model(streams[:, start : start + LENGTH], state)
            state = tuple(s.detach() for s in state)
            loss = F.cross_entropy(logits.flatten(0, 1), streams[:, start + 1 : start + LENGTH + 1].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            optimizer.step()
            total, count = total + loss.item(), count + 1
        print(f"epoch {epoch}: loss {total / count:.4f}")
        if epoch in (5, 7):
            optimizer.param_groups[0]["lr"] /= 4
    model.eval()
    with torch.no_grad():
        logits, _ = model(held_out[:, :-1])
        nll = F.cross_entropy(logits.flatten(0, 1), held_out[:, 1:].flatten())
    print(f"held-out perplexity {nll.exp().item():.4f}")


if __name__ == "__main__":
    main()
