"""Link prediction with node embeddings and negative sampling.

Field: link prediction
Metric: test auc, higher is better; 0.5 without learning
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def social_graph(n, rng):
    """Undirected edges between people who are close in a hidden plane; also the full adjacency."""
    place = rng.uniform(0, 1, size=(n, 2))
    distance = np.linalg.norm(place[:, None] - place[None, :], axis=-1)
    linked = np.triu(rng.random((n, n)) < 0.9 * np.exp(-((distance / 0.13) ** 2)), k=1)
    return np.argwhere(linked), linked | linked.T


class NodeEmbedding(nn.Module):
    """Score of a pair: dot product of the embeddings and a common bias."""

    def __init__(self, n_nodes, dim):
        super().__init__()
        self.emb = nn.Embedding(n_nodes, dim)
        self.bias = nn.Parameter(torch.zeros(()))
        nn.init.normal_(self.emb.weight, std=0.3)

    def forward(self, pairs):
        """Logits for pairs of shape (..., 2)."""
        ends = self.emb(pairs)
        return (ends[..., 0, :] * ends[..., 1, :]).sum(dim=-1) + self.bias


def corrupt(edges, n_nodes, k):
    """k pairs per edge that keep one end and replace the other by a random node."""
    kept = edges[torch.arange(len(edges)), torch.randint(2, (len(edges),))]
    kept = kept.unsqueeze(1).expand(-1, k)
    other = torch.randint(n_nodes - 1, kept.shape)
    other = other + (other >= kept).long()
    return torch.stack([kept, other], dim=-1)


def auc(positive, negative):
    """Probability that a hidden edge has a higher score than a non-edge."""
    difference = positive[:, None] - negative[None, :]
    return np.mean((difference > 0) + 0.5 * (difference == 0))


def main():
    """Hide a tenth of the edges, train on the others, rank hidden edges against non-edges."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    n_nodes = 400
    edges, adjacency = social_graph(n_nodes, rng)
    edges = edges[rng.permutation(len(edges))]
    n_hidden = len(edges) // 10
    hidden, known = edges[:n_hidden], torch.from_numpy(edges[n_hidden:])
    absent = np.argwhere(np.triu(~adjacency, k=1))
    absent = absent[rng.choice(len(absent), size=n_hidden, replace=False)]
    print(f"{len(known)} known edges, {n_hidden} hidden")

    model = NodeEmbedding(n_nodes, dim=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(1, 61):
        total = 0.0
        for batch in known[torch.randperm(len(known))].split(512):
            positive = model(batch)
            negative = model(corrupt(batch, n_nodes, k=4))
            loss = -F.logsigmoid(positive).mean() - F.logsigmoid(-negative).sum(dim=1).mean()
            loss = loss + 1e-3 * model.emb(batch).pow(2).sum(dim=-1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(batch)
        if epoch % 12 == 0:
            print(f"epoch {epoch} loss {total / len(known):.4f}")

    with torch.no_grad():
        on_hidden, on_absent = (model(torch.from_numpy(pairs)).numpy() for pairs in (hidden, absent))
    print(f"test auc {auc(on_hidden, on_absent):.4f}")


if __name__ == "__main__":
    main()
