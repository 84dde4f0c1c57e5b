"""Message passing over edge lists that predicts the bond energy of random molecules.

Field: graph regression
Metric: test r2, higher is better; 0.0 without learning
"""

import torch
from torch import nn

torch.manual_seed(0)

KINDS, HIDDEN = 4, 32
pair_energy = torch.randn(KINDS, KINDS)
pair_energy = (pair_energy + pair_energy.T) / 2
atom_energy = torch.randn(KINDS)


def random_molecule():
    """A random tree of 6 to 12 atoms with two extra bonds: kinds, directed edges and energy."""
    n = int(torch.randint(6, 13, (1,)))
    kind = torch.randint(KINDS, (n,))
    child = torch.arange(1, n)
    parent = (torch.rand(n - 1) * child).long()
    extra = torch.rand(2, n).argsort(dim=1)[:, :2]
    bonds = torch.cat([torch.stack([parent, child], dim=1), extra])
    bonds = bonds.sort(dim=1).values.unique(dim=0)
    energy = atom_energy[kind].sum() + pair_energy[kind[bonds[:, 0]], kind[bonds[:, 1]]].sum()
    return kind, torch.cat([bonds, bonds.flip(1)]).T, energy + 0.1 * torch.randn(())


def collate(molecules):
    """Join molecules into one big graph with shifted node numbers."""
    kinds, edges, graph_of, energies, offset = [], [], [], [], 0
    for g, (kind, edge, energy) in enumerate(molecules):
        kinds.append(kind)
        edges.append(edge + offset)
        graph_of.append(torch.full((len(kind),), g))
        energies.append(energy)
        offset += len(kind)
    return torch.cat(kinds), torch.cat(edges, dim=1), torch.cat(graph_of), torch.stack(energies)


class MPNN(nn.Module):
    """Rounds of messages along the edges, then a sum over the atoms of every molecule."""

    def __init__(self, rounds=2):
        super().__init__()
        self.embed = nn.Embedding(KINDS, HIDDEN)
        self.message = nn.ModuleList(nn.Sequential(nn.Linear(2 * HIDDEN, HIDDEN), nn.ReLU()) for _ in range(rounds))
        self.update = nn.ModuleList(nn.Sequential(nn.Linear(2 * HIDDEN, HIDDEN), nn.ReLU()) for _ in range(rounds))
        self.readout = nn.Linear(HIDDEN, 1)

    def forward(self, kind, edge, graph_of, n_graphs):
        """One number per graph."""
        h = self.embed(kind)
        source, destination = edge
        for message, update in zip(self.message, self.update):
            sent = message(torch.cat([h[source], h[destination]], dim=1))
            received = torch.zeros_like(h).index_add(0, destination, sent)
            h = h + update(torch.cat([h, received], dim=1))
        per_atom = self.readout(h).squeeze(1)
        return torch.zeros(n_graphs).index_add(0, graph_of, per_atom)


train = [random_molecule() for _ in range(800)]
test = collate([random_molecule() for _ in range(300)])
# energies grow with the molecule: they are scaled but not centred
scale = torch.stack([energy for _, _, energy in train]).std()
batches = [collate(train[i : i + 50]) for i in range(0, len(train), 50)]

model = MPNN()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=6, gamma=0.5)
for epoch in range(18):
    total = 0.0
    for b in torch.randperm(len(batches)).tolist():
        kind, edge, graph_of, energy = batches[b]
        pred = model(kind, edge, graph_of, len(energy))
        loss = loss_fn(pred, energy / scale)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item()
    scheduler.step()
    if epoch % 6 == 5:
        print(f"epoch {epoch + 1:2d}  mse {total / len(batches):.4f}")

kind, edge, graph_of, energy = test
with torch.no_grad():
    pred = model(kind, edge, graph_of, len(energy)) * scale
r2 = 1.0 - ((energy - pred) ** 2).sum() / ((energy - energy.mean()) ** 2).sum()
print(f"test r2 {r2.item():.4f}")
