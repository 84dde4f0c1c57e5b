import numpy as np
import torch
from torch import nn

np.random.seed(21)
torch.manual_seed(21)

size_ = 200
r = np.random.uniform(0, 1, size_)
th = np.random.uniform(0, 2 * np.pi, size_)
A = np.stack([r * np.cos(th), r * np.sin(th)], 1)
r = np.random.uniform(2, 3, size_)
th = np.random.uniform(0, 2 * np.pi, size_)
B = np.stack([r * np.cos(th), r * np.sin(th)], 1)

X = torch.tensor(np.concatenate([A, B]), dtype=torch.float32)
Y = torch.cat([torch.zeros(size_), torch.ones(size_)]).long()

hidden_layers = 15
width = 2


def make():
    parts, last = [], 2
    for _ in range(hidden_layers):
        parts += [nn.Linear(last, width), nn.Tanh()]
        last = width
    parts += [nn.Linear(last, 2), nn.LogSoftmax(dim=1)]
    return nn.Sequential(*parts)


dnn = make()
adam = torch.optim.Adam(dnn.parameters())
nll = nn.NLLLoss()
for epoch in range(120):
    shuffled = torch.randperm(len(X))
    seen = 0.0
    for chunk in shuffled.split(32):
        adam.zero_grad()
        loss = nll(dnn(X[chunk]), Y[chunk])
        loss.backward()
        adam.step()
        seen += loss.item() * len(chunk)
    if epoch % 10 == 9:
        with torch.no_grad():
            acc = (dnn(X).argmax(1) == Y).float().mean().item()
        print(f"epoch {epoch + 1} loss {seen / len(X):.4f} accuracy {acc:.3f}")
