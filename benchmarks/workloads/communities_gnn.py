"""Classify the nodes of a random graph with a graph convolutional network (Kipf & Welling 2017)."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

SEED = 0
EPOCHS = 200
LR = 0.01
WEIGHT_DECAY = 5e-4

generator = torch.Generator().manual_seed(0)
nodes, communities = 600, 4
labels = torch.arange(nodes) % communities
same = labels[:, None] == labels[None, :]
edges = torch.rand(nodes, nodes, generator=generator) < torch.where(same, 0.05, 0.01)
edges = torch.triu(edges, 1)
adjacency = (edges | edges.T).float() + torch.eye(nodes)
scale = adjacency.sum(1).rsqrt()
adjacency = scale[:, None] * adjacency * scale[None, :]
features = torch.randn(nodes, 16, generator=generator)
features[:, :communities] += 0.5 * nn.functional.one_hot(labels, communities)
order = torch.randperm(nodes, generator=generator)
train, test = order[:120], order[120:]


class GraphNetwork(nn.Module):
    """Two graph convolutions."""

    def __init__(self, hidden=32):
        super().__init__()
        self.first = nn.Linear(16, hidden)
        self.second = nn.Linear(hidden, communities)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        """Return the logits of all nodes."""
        x = torch.relu(adjacency @ self.first(x))
        return adjacency @ self.second(self.dropout(x))


torch.manual_seed(SEED)
model = GraphNetwork()
optimizer = torch.optim.Adam(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
for epoch in range(1, EPOCHS + 1):
    model.train()
    loss = cross_entropy(model(features)[train], labels[train])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0:
        model.eval()
        with torch.no_grad():
            outputs = model(features)[test]
            test_loss = cross_entropy(outputs, labels[test]).item()
            accuracy = (outputs.argmax(1) == labels[test]).float().mean().item()
        print(f"epoch {epoch} test loss {test_loss:.4f} test accuracy {accuracy:.4f}")
