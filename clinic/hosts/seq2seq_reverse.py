"""Trains a GRU encoder and decoder to write a string of letters backwards.

Field: sequence to sequence
Metric: exact match, higher is better; 0.0025 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn

PAD, BOS, EOS, FIRST = 0, 1, 2, 3
LETTERS, LONGEST = 6, 5
VOCAB = FIRST + LETTERS


def make_pairs(n, generator):
    """Draws padded strings and their reversals closed by EOS."""
    source = torch.full((n, LONGEST), PAD)
    target = torch.full((n, LONGEST + 1), PAD)
    lengths = torch.randint(2, LONGEST + 1, (n,), generator=generator)
    for i, length in enumerate(lengths.tolist()):
        word = torch.randint(FIRST, VOCAB, (length,), generator=generator)
        source[i, :length] = word
        target[i, :length] = word.flip(0)
        target[i, length] = EOS
    return source, lengths, target


class Seq2Seq(nn.Module):
    """Passes the encoder's state at the end of the string to the decoder."""

    def __init__(self, hidden=96):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, 24, padding_idx=PAD)
        self.encoder = nn.GRU(24, hidden, batch_first=True)
        self.decoder = nn.GRU(24, hidden, batch_first=True)
        self.out = nn.Linear(hidden, VOCAB)

    def encode(self, source, lengths):
        """Gives the state after the last true letter of each string."""
        states, _ = self.encoder(self.embed(source))
        return states[torch.arange(len(source)), lengths - 1].unsqueeze(0)

    def forward(self, source, lengths, target):
        """Gives the logits under teacher forcing."""
        bos = torch.full_like(target[:, :1], BOS)
        fed = torch.cat([bos, target[:, :-1]], dim=1)
        states, _ = self.decoder(self.embed(fed), self.encode(source, lengths))
        return self.out(states)

    @torch.no_grad()
    def greedy(self, source, lengths):
        """Decodes letter by letter; after EOS comes padding."""
        state = self.encode(source, lengths)
        token = torch.full((len(source), 1), BOS)
        done = torch.zeros(len(source), 1, dtype=torch.bool)
        written = []
        for _ in range(LONGEST + 1):
            output, state = self.decoder(self.embed(token), state)
            token = self.out(output).argmax(dim=-1).masked_fill(done, PAD)
            done = done | (token == EOS)
            written.append(token)
        return torch.cat(written, dim=1)


def masked_loss(logits, target):
    """Averages the cross entropy over true letters."""
    mask = (target != PAD).float()
    each = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
    return (each * mask).sum() / mask.sum()


def main():
    """Trains, then decodes held-out strings."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(7)
    source, lengths, target = make_pairs(4400, generator)
    train, test = slice(0, 4000), slice(4000, None)
    model = Seq2Seq()
    optimizer = torch.optim.Adam(model.parameters())
    steps = 300
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-2, total_steps=steps)
    for step in range(1, steps + 1):
        rows = torch.randint(len(source[train]), (64,))
        loss = masked_loss(model(source[rows], lengths[rows], target[rows]), target[rows])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 60 == 0:
            print(f"step {step}: loss {loss.item():.4f}")

    model.eval()
    written = model.greedy(source[test], lengths[test])
    print(f"exact match {(written == target[test]).all(dim=1).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
