"""Tags peaks and valleys of integer sequences as they arrive, with a recurrent network that may wait two steps.

On purpose: the target at a step is the tag of the number that came two steps earlier; the evaluation counts back.

Field: sequence tagging
Metric: tag accuracy, higher is better; 0.3465 without learning
Source: https://tomesphere.com/paper/1909.00021 (Turek et al. 2019, the delayed-RNN)
"""

import torch
import torch.nn.functional as F
from torch import nn

NUMBERS, DELAY, PAD, IGNORE = 10, 2, 10, -100


def sample(n, length=24):
    """Sequences, and for each number 0 for a slope, 1 for a peak, 2 for a valley of its five neighbours."""
    x = torch.randint(NUMBERS, (n, length))
    windows = F.pad(x.float(), (2, 2), value=4.5).unfold(1, 5, 1)
    centre, around = windows[:, :, 2], windows[:, :, [1, 3]].mean(dim=2)
    wide = windows[:, :, [0, 4]].mean(dim=2)
    score = centre - 0.7 * around - 0.3 * wide
    return x, torch.where(score > 1.5, 1, torch.where(score < -1.5, 2, 0))


class Tagger(nn.Module):
    """Embedding, a GRU that reads forward, a linear layer."""

    def __init__(self, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(NUMBERS + 1, 16)
        self.gru = nn.GRU(16, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 3)

    def forward(self, x):
        """Logits at each step, DELAY steps more than there are numbers."""
        fed = F.pad(x, (0, DELAY), value=PAD)
        return self.out(self.gru(self.embed(fed))[0])


def main():
    """Train and tag unseen sequences."""
    torch.manual_seed(0)
    model = Tagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    steps = 450
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        x, tags = sample(64)
        late = F.pad(tags, (DELAY, 0), value=IGNORE)
        loss = F.cross_entropy(model(x).flatten(0, 1), late.flatten(), ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 90 == 0:
            print(f"step {step}: loss {loss.item():.4f}")

    model.eval()
    x, tags = sample(600)
    with torch.no_grad():
        guess = model(x)[:, DELAY:].argmax(dim=-1)
    print(f"tag accuracy {(guess == tags).float().mean().item():.4f}")


if __name__ == "__main__":
    main()
