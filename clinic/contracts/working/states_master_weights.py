"""A character model in bfloat16 with float32 master weights.

The optimizer holds none of the parameters of the model, on purpose: it updates a float32 copy that is written back.

Field: language modelling
Metric: test bits per character, lower is better; 4.339 without learning
Source: https://github.com/workofart/ml-by-hand/pull/85
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
CONTEXT = 12


def counting_text(n):
    """Spell runs of numbers that count up by one or two."""
    parts = []
    while len(parts) < n:
        start, stride = int(torch.randint(0, 8, ())), int(torch.randint(1, 3, ()))
        parts += [WORDS[start + stride * k] for k in range(4)] + ["stop"]
    return " ".join(parts)


class CharMixer(nn.Module):
    """A dense model of the next character."""

    def __init__(self, vocabulary, width=128):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 16)
        self.hidden = nn.Sequential(nn.Linear(16 * CONTEXT, width), nn.GELU(), nn.LayerNorm(width))
        self.more = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.out = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        """Return logits for (batch, CONTEXT) tokens."""
        h = self.hidden(self.embed(tokens).flatten(1))
        return self.out(h + self.more(h))


def main():
    """Train with master weights and test the bfloat16 model."""
    torch.manual_seed(0)
    text = counting_text(6000)
    symbols = sorted(set(text))
    ids = torch.tensor([symbols.index(c) for c in text])
    windows = ids.unfold(0, CONTEXT + 1, 1)
    train, test = windows[:-5000], windows[-5000:]

    model = CharMixer(len(symbols))
    masters = [p.detach().clone().requires_grad_() for p in model.parameters()]
    model.bfloat16()
    optimizer = torch.optim.AdamW(masters, lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=900, eta_min=1e-4)
    for step in range(1, 901):
        batch = train[torch.randint(len(train), (128,))]
        loss = F.cross_entropy(model(batch[:, :-1]).float(), batch[:, -1])
        model.zero_grad()
        loss.backward()
        for master, p in zip(masters, model.parameters()):
            master.grad = p.grad.float()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for master, p in zip(masters, model.parameters()):
                p.copy_(master)
        if step % 150 == 0:
            print(f"step {step}  loss {loss.item():.4f}")

    with torch.no_grad():
        nats = F.cross_entropy(model(test[:, :-1]).float(), test[:, -1]).item()
    print(f"test bits per character {nats / math.log(2):.4f}")


if __name__ == "__main__":
    main()
