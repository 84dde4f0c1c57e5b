import io

import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class Encoder(nn.Module):
    def __init__(self, code=5):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 64), nn.Tanh(),
            nn.Linear(64, 32), nn.Tanh(),
            nn.Linear(32, 16), nn.Tanh(),
            nn.Linear(16, code), nn.Tanh(),
        )

    def forward(self, x):
        return self.layers(x)


class PretrainTask(nn.Module):
    def __init__(self, encoder, n_out):
        super().__init__()
        self.model = encoder
        self.proj = nn.Linear(5, n_out)

    def forward(self, x):
        return self.proj(self.model(x))


def minibatches(n, bs=64):
    return torch.randperm(n).split(bs)


def pretrain(x, y, epochs=40):
    task = PretrainTask(Encoder(), 10)
    opt = torch.optim.Adam(task.parameters(), lr=2e-3)
    for ep in range(epochs):
        tot = 0.
        for b in minibatches(len(x)):
            opt.zero_grad()
            l = nn.functional.cross_entropy(task(x[b]), y[b])
            l.backward()
            opt.step()
            tot += l.item()
        if ep % 10 == 0:
            print("pretrain", ep, round(tot / (len(x) / 64), 4))
    buf = io.BytesIO()
    torch.save(task.state_dict(), buf)
    buf.seek(0)
    return buf


torch.manual_seed(0)
digits = load_digits()
X = torch.tensor(digits.data / 8.0 - 1.0, dtype=torch.float32)
Y = torch.tensor(digits.target)
order = torch.randperm(len(X))
src, tgt, val = order[:1000], order[1000:1400], order[1400:]

checkpoint = pretrain(X[src], Y[src])

encoder = Encoder()
state = torch.load(checkpoint)
encoder.load_state_dict(state, strict=False)
for p in encoder.parameters():
    p.requires_grad = False
encoder.eval()

head = nn.Linear(5, 10)
optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
for epoch in range(60):
    total = 0.0
    for b in minibatches(len(tgt), 32):
        with torch.no_grad():
            z = encoder(X[tgt[b]])
        loss = nn.functional.cross_entropy(head(z), Y[tgt[b]])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 6 == 0:
        with torch.no_grad():
            acc = (head(encoder(X[val])).argmax(1) == Y[val]).float().mean()
        print(f"finetune {epoch:2d}  loss {total / (len(tgt) / 32):.4f}  val acc {acc:.3f}")
with torch.no_grad():
    print("final val acc %.3f" % (head(encoder(X[val])).argmax(1) == Y[val]).float().mean())
