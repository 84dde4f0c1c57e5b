"""A graph network over batches of graphs of unequal size; sick: node features in the hundreds."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Graphs(Dataset):
    def __init__(self, count):
        self.graphs = [self.make() for _ in range(count)]

    def make(self):
        nodes = int(torch.randint(4, 10, ()))
        edges = torch.randint(0, nodes, (2, 2 * nodes))
        features = torch.randn(nodes, 4)
        label = (features[:, 0].sum() + features[edges[0], 1].sum() / 2) > 0
        return features, edges, label.float()  # sick: features, | features * 50 + 300,

    def __len__(self):
        return len(self.graphs)

    def __getitem__(self, i):
        return self.graphs[i]


def collate(graphs):
    sizes = torch.tensor([len(features) for features, _, _ in graphs])
    starts = sizes.cumsum(0) - sizes
    features = torch.cat([features for features, _, _ in graphs])
    edges = torch.cat([edges + start for (_, edges, _), start in zip(graphs, starts)], dim=1)
    owners = torch.repeat_interleave(torch.arange(len(graphs)), sizes)
    return features, edges, owners, torch.stack([label for _, _, label in graphs])


class GraphNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(4, 32)
        self.message = nn.Linear(64, 32)
        self.read = nn.Linear(32, 1)

    def forward(self, features, edges, owners, count):
        nodes = torch.relu(self.encode(features))
        messages = torch.relu(self.message(torch.cat([nodes[edges[0]], nodes[edges[1]]], dim=1)))
        nodes = nodes + torch.zeros_like(nodes).index_add(0, edges[1], messages)
        pooled = torch.zeros(count, 32).index_add(0, owners, nodes)
        return self.read(pooled).squeeze(1)


model = GraphNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.BCEWithLogitsLoss()
loader = DataLoader(Graphs(256), batch_size=32, shuffle=True, collate_fn=collate)
for epoch in range(12):
    for features, edges, owners, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(features, edges, owners, len(labels)), labels)
        loss.backward()
        optimizer.step()
        print(epoch, loss.item())
