"""A text classifier on top of a pre-trained recurrent encoder whose layers are thawed one after the other.

On purpose: lower layers have a learning rate of zero until their turn comes, and then smaller ones than the head.
Field: text classification
Metric: test accuracy, higher is better; 0.25 without learning
Source: Howard and Ruder 2018, ULMFiT: gradual unfreezing and discriminative rates; https://github.com/fastai/fastai
"""

import torch
import torch.nn.functional as F
from torch import nn

WORDS, TOPICS, LENGTH = 120, 4, 16


def texts(count, noise):
    """Draw texts; each topic prefers words, and a word of the second half answers one of the first."""
    topic = torch.randint(TOPICS, (count,))
    own = 30 * topic[:, None] + torch.randint(30, (count, LENGTH))
    words = torch.where(torch.rand(count, LENGTH) < noise, torch.randint(WORDS, (count, LENGTH)), own)
    half = LENGTH // 2
    words[:, half:] = torch.where(torch.rand(count, half) < 0.6, (words[:, :half] + 1) % WORDS, words[:, half:])
    return words, topic


class Encoder(nn.Module):
    """An embedding and two recurrent layers."""

    def __init__(self, width=48):
        super().__init__()
        self.embed = nn.Embedding(WORDS, width)
        self.lower, self.upper = nn.GRU(width, width, batch_first=True), nn.GRU(width, width, batch_first=True)

    def forward(self, words):
        """Return (batch, time, width)."""
        return self.upper(self.lower(self.embed(words))[0])[0]


def main():
    """Pre-train on the next word, then classify."""
    torch.manual_seed(0)
    corpus, _ = texts(2500, 0.5)
    encoder, decoder = Encoder(), nn.Linear(48, WORDS)
    pretraining = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=3e-3)
    for _ in range(2):
        for rows in torch.randperm(len(corpus)).split(100):
            loss = F.cross_entropy(decoder(encoder(corpus[rows, :-1])).flatten(0, 1), corpus[rows, 1:].flatten())
            pretraining.zero_grad()
            loss.backward()
            pretraining.step()
    print(f"pre-training loss {loss.item():.4f}")

    x, y = texts(2000, 0.5)
    head = nn.Linear(48, TOPICS)
    layers, rates = [head, encoder.upper, encoder.lower, encoder.embed], [1e-2, 5e-3, 2.5e-3, 1.25e-3]
    optimizer = torch.optim.Adam([{"params": layer.parameters(), "lr": 0.0} for layer in layers])
    for epoch in range(9):
        for depth, (group, rate) in enumerate(zip(optimizer.param_groups, rates)):
            group["lr"] = rate if epoch >= 2 * depth else 0.0
        for rows in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(head(encoder(x[rows]).mean(dim=1)), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1}: loss {loss.item():.4f}")
    x, y = texts(1000, 0.5)
    with torch.no_grad():
        print(f"test accuracy {(head(encoder(x).mean(dim=1)).argmax(dim=1) == y).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
