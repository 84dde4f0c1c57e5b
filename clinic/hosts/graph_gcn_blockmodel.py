"""Node classification on a stochastic block model with a two-layer graph convolution.

Field: graph learning
Metric: test accuracy, higher is better; 0.250 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn

BLOCKS, PER_BLOCK, FEATURES, LABELLED = 4, 120, 16, 10


def block_model():
    """Adjacency, node features and block of every node."""
    label = torch.arange(BLOCKS).repeat_interleave(PER_BLOCK)
    same = label.unsqueeze(0) == label.unsqueeze(1)
    prob = torch.where(same, torch.tensor(0.09), torch.tensor(0.012))
    upper = torch.triu(torch.rand_like(prob) < prob, diagonal=1).float()
    adjacency = upper + upper.T
    centres = F.one_hot(label, FEATURES).float()
    return adjacency, 0.8 * centres + torch.randn(len(label), FEATURES), label


def normalise(adjacency):
    """Symmetric normalisation of the graph with self-loops."""
    with_loops = adjacency + torch.eye(len(adjacency))
    inv_sqrt = with_loops.sum(dim=1).pow(-0.5)
    return inv_sqrt.unsqueeze(1) * with_loops * inv_sqrt.unsqueeze(0)


class GraphConv(nn.Module):
    """Linear map followed by averaging over the neighbours."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, a_hat):
        """New node features."""
        return a_hat @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    """Two graph convolutions with dropout."""

    def __init__(self, n_in, hidden, n_out):
        super().__init__()
        self.conv1 = GraphConv(n_in, hidden)
        self.conv2 = GraphConv(hidden, n_out)

    def forward(self, x, a_hat):
        """Class scores of every node."""
        h = F.dropout(F.relu(self.conv1(x, a_hat)), 0.5, training=self.training)
        return self.conv2(h, a_hat)


def main():
    """Train on a few labelled nodes of every block, test on the others."""
    torch.manual_seed(0)
    adjacency, x, label = block_model()
    a_hat = normalise(adjacency)
    train_mask = torch.zeros(len(label), dtype=torch.bool)
    for block in range(BLOCKS):
        members = (label == block).nonzero().squeeze(1)
        train_mask[members[torch.randperm(len(members))[:LABELLED]]] = True
    test_mask = ~train_mask

    model = GCN(FEATURES, 32, BLOCKS)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-3)
    for epoch in range(1, 201):
        model.train()
        optimizer.zero_grad()
        out = model(x, a_hat)
        loss = F.cross_entropy(out[train_mask], label[train_mask])
        loss.backward()
        optimizer.step()
        if epoch % 40 == 0:
            print(f"epoch {epoch:3d} | cross-entropy on {int(train_mask.sum())} labelled nodes {loss.item():.4f}")

    model.eval()
    with torch.no_grad():
        pred = model(x, a_hat).argmax(dim=1)
    accuracy = (pred[test_mask] == label[test_mask]).float().mean().item()
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
