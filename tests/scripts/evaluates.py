import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from own_log import OwnLog

torch.manual_seed(3)
x = torch.randn(320, 12)
y = (x[:, :3].sum(1) > 0).long()
loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(12, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 2))
average = copy.deepcopy(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
seen = OwnLog()


@torch.no_grad()
def score(noise):
    right = torch.zeros(())
    for a, b in loader:
        a = a + noise * torch.randn_like(a)
        right += (model(a).argmax(1) == b).float().mean()
    return right.item() / len(loader)


@torch.no_grad()
def follow():
    for slow, fast in zip(average.parameters(), model.parameters()):
        slow.mul_(0.9).add_(fast, alpha=0.1)


for epoch in range(4):
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        follow()
        seen.loss(loss)
    seen.loss(torch.tensor(score(0.5)), "in training mode, with noise")
    with torch.no_grad():
        scores = average(x[torch.randperm(len(x))])
        with torch.enable_grad():
            push = torch.autograd.grad(model(x[:5].requires_grad_()).sum(), model[0].weight)[0]
        model[0].weight -= 1e-3 * push
        x.requires_grad_(False)
        seen.loss(scores.std(), "the average")
    try:
        with torch.no_grad():
            model(x[:, :3])
    except RuntimeError:
        pass
    with torch.no_grad():
        for a, b in loader:
            seen.loss(F.cross_entropy(model(a), b), "left early")
            break
seen.end(*model.parameters(), *model.buffers(), *average.parameters())
