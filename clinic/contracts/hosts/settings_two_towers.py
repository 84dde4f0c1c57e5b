"""Two encoders match the readings of two instruments that saw the same event; averaged weights are evaluated.

Field: contrastive retrieval
Metric: recall at 1, higher is better; 0.0020 without learning
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

TEMPERATURE = 0.05
EMA_DECAY = 0.98
MAX_NORM = 0.5

torch.manual_seed(0)
HIDDEN = 6
mix_a, mix_b = torch.randn(HIDDEN, 32), torch.randn(HIDDEN, 40)
out_a, out_b = torch.randn(32, 32) / 6, torch.randn(40, 40) / 6


def events(count):
    """Draw hidden causes and the readings of both instruments."""
    cause = torch.randn(count, HIDDEN)
    a = torch.tanh(cause @ mix_a * 0.5) @ out_a
    b = torch.sin(cause @ mix_b * 0.6) @ out_b
    return a + 0.05 * torch.randn_like(a), b + 0.05 * torch.randn_like(b)


def tower(inputs, width=128, outputs=24):
    """Build the encoder of one instrument."""
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, outputs),
    )


class Towers(nn.Module):
    """One encoder for each instrument."""

    def __init__(self):
        super().__init__()
        self.a, self.b = tower(32), tower(40)

    def forward(self, a, b):
        """Return codes of length one."""
        return F.normalize(self.a(a).float(), dim=1), F.normalize(self.b(b).float(), dim=1)


def contrastive_loss(za, zb):
    """Symmetric cross entropy of the matching pairs of a batch."""
    logits = za @ zb.t() / TEMPERATURE
    labels = torch.arange(len(za))
    return 0.5 * (F.cross_entropy(logits, labels) + F.cross_entropy(logits.t(), labels))


@torch.no_grad()
def update_average(average, model, decay):
    """Move the averaged parameters towards the present ones."""
    for a, p in zip(average.parameters(), model.parameters()):
        a.mul_(decay).add_(p, alpha=1 - decay)


loader = DataLoader(TensorDataset(*events(3000)), batch_size=128, shuffle=True, drop_last=True)
test_a, test_b = events(500)

model = Towers()
average = copy.deepcopy(model).eval()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.95)
scaler = torch.amp.GradScaler("cpu")

for epoch in range(1, 16):
    model.train()
    total = 0.0
    for a, b in loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            za, zb = model(a, b)
        loss = contrastive_loss(za, zb)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        scaler.step(optimizer)
        scaler.update()
        update_average(average, model, EMA_DECAY)
        total += loss.item()
    scheduler.step()
    if epoch % 5 == 0:
        print(f"epoch {epoch}: loss {total / len(loader):.4f}")

with torch.no_grad():
    za, zb = average(test_a, test_b)
hits = (za @ zb.t()).argmax(dim=1) == torch.arange(len(za))
print(f"recall at 1 {hits.float().mean().item():.4f}")
