"""A scoring network for documents of queries, trained with the pairwise logistic loss of RankNet on padded lists.

Field: learning to rank
Metric: NDCG@10, higher is better; 0.406 without learning
"""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(0)
rng = np.random.default_rng(0)

FEATURES = 12
hidden_direction = rng.standard_normal(FEATURES) / np.sqrt(FEATURES)


def make_query():
    """Between 12 and 30 documents with graded relevance from 0 to 4."""
    n = rng.integers(12, 31)
    x = rng.standard_normal((n, FEATURES))
    utility = 1.5 * x @ hidden_direction + np.sin(2 * x[:, 0]) + 0.7 * x[:, 1] * x[:, 2]
    utility += 0.2 * rng.standard_normal(n)
    grade = np.digitize(utility, [-0.5, 0.8, 1.8, 2.8])
    offset = 0.5 * rng.standard_normal(FEATURES // 4)
    x[:, -len(offset) :] += offset
    return torch.tensor(x, dtype=torch.float32), torch.tensor(grade, dtype=torch.float32)


def collate(queries):
    """Pad the lists of a batch to one length and mark the real documents."""
    xs, grades = zip(*queries)
    mask = pad_sequence([torch.ones(len(g)) for g in grades], batch_first=True).bool()
    return pad_sequence(xs, batch_first=True), pad_sequence(grades, batch_first=True), mask


def ranknet_loss(scores, grades, mask):
    """Mean of log(1 + exp(-(s_i - s_j))) over the pairs in which i is more relevant than j."""
    difference = scores.unsqueeze(2) - scores.unsqueeze(1)
    better = grades.unsqueeze(2) > grades.unsqueeze(1)
    valid = mask.unsqueeze(2) & mask.unsqueeze(1) & better
    return nn.functional.softplus(-difference)[valid].mean()


def ndcg(scores, grades, k=10):
    """Normalised discounted cumulative gain of one list."""
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gain = 2.0**grades - 1
    order = np.argsort(-scores, kind="stable")[:k]
    ideal = np.sort(gain)[::-1][:k]
    return (gain[order] * discount).sum() / (ideal * discount).sum()


class Scorer(nn.Module):
    """One score for each document."""

    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(FEATURES, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
        )

    def forward(self, x):
        """Scores of shape (queries, documents)."""
        return self.mlp(x).squeeze(-1)


train = [make_query() for _ in range(600)]
test = [make_query() for _ in range(200)]
test = [(x, g) for x, g in test if g.max() > 0]
loader = DataLoader(train, batch_size=20, shuffle=True, collate_fn=collate)

scorer = Scorer()
optimizer = torch.optim.AdamW(scorer.parameters(), lr=3e-3, weight_decay=1e-4)

for epoch in range(15):
    scorer.train()
    losses = []
    for x, grades, mask in loader:
        loss = ranknet_loss(scorer(x), grades, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch % 3 == 0:
        print(f"epoch {epoch:2d}: pairwise loss {np.mean(losses):.4f}")

scorer.eval()
with torch.no_grad():
    values = [ndcg(scorer(x).numpy(), g.numpy()) for x, g in test]
print(f"NDCG@10 {np.mean(values):.4f}")
