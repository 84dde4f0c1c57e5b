"""Trains a prototypical network on episodes of synthetic classes, to classify classes it never saw.

Field: few-shot learning
Metric: novel-class accuracy, higher is better; 0.3982 without learning
"""

import torch
import torch.nn as nn

WAY, SHOT, QUERY = 5, 5, 10
CODE, NUISANCE, FEATURES = 6, 12, 40

torch.manual_seed(0)
mixing = torch.randn(CODE + NUISANCE, FEATURES) / (CODE + NUISANCE) ** 0.5
codes = torch.randn(160, CODE)  # what tells the classes apart
train_codes, novel_codes = codes[:120], codes[120:]


def observe(chosen, n):
    """Draws n observations of each chosen class: (classes, n, features)."""
    code = chosen[:, None, :] + 0.2 * torch.randn(len(chosen), n, CODE)
    nuisance = 1.5 * torch.randn(len(chosen), n, NUISANCE)
    return torch.tanh(torch.cat([code, nuisance], dim=-1) @ mixing)


def episode(pool):
    """Picks classes and gives their support and query sets."""
    chosen = pool[torch.randperm(len(pool))[:WAY]]
    x = observe(chosen, SHOT + QUERY)
    return x[:, :SHOT], x[:, SHOT:]


class ProtoNet(nn.Module):
    """Embeds observations; a class is the mean of its embedded support."""

    def __init__(self, width=64, out=16):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(FEATURES, width), nn.ReLU(), nn.Linear(width, out))

    def log_probs(self, support, query):
        """Softmax over negative squared distances to the prototypes: (way * query, way)."""
        prototypes = self.embed(support).mean(dim=1)
        points = self.embed(query).flatten(0, 1)
        squared = ((points[:, None, :] - prototypes[None, :, :]) ** 2).sum(dim=-1)
        return torch.log_softmax(-squared, dim=1)


net = ProtoNet()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=300, gamma=0.5)
labels = torch.arange(WAY).repeat_interleave(QUERY)

running = 0.0
for i in range(1, 901):
    support, query = episode(train_codes)
    log_p = net.log_probs(support, query)
    loss = -log_p.gather(1, labels[:, None]).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    running += loss.item()
    if i % 150 == 0:
        print(f"episode {i}, mean loss {running / 150:.3f}")
        running = 0.0

net.eval()
hits = []
with torch.no_grad():
    for _ in range(200):
        support, query = episode(novel_codes)
        centres = net.embed(support).mean(dim=1)
        nearest = torch.cdist(net.embed(query), centres).argmin(dim=-1)
        hits.append((nearest == torch.arange(WAY)[:, None]).float().mean())
print(f"novel-class accuracy {torch.stack(hits).mean().item():.4f}")
