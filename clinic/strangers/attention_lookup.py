"""Each sequence has one flagged step; the target is the value carried by that step."""
import torch
import torch.nn as nn

torch.manual_seed(21)
T, N_SYM = 20, 10


def make_batch(n):
    sym = torch.randint(0, N_SYM, (n, T))
    pos = torch.randint(0, T, (n,))
    flag = torch.zeros(n, T, 1)
    flag[torch.arange(n), pos] = 1.0
    return sym, flag, sym[torch.arange(n), pos]


class AttentionPool(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.Tanh(), nn.Linear(dim, 1))

    def forward(self, h):
        # h: (batch, time, dim)
        w = torch.softmax(self.score(h), dim=-1)
        return (w * h).sum(dim=1), w


class Lookup(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.emb = nn.Embedding(N_SYM, dim)
        self.flag = nn.Linear(1, dim)
        self.pool = AttentionPool(dim)
        self.out = nn.Sequential(nn.Linear(dim, 64), nn.ReLU(), nn.Linear(64, N_SYM))

    def forward(self, sym, flag):
        h = self.emb(sym) + self.flag(flag)
        c, w = self.pool(h)
        return self.out(c)


model = Lookup()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()
avg = None
for step in range(1, 1501):
    sym, flag, target = make_batch(64)
    loss = loss_fn(model(sym, flag), target)
    opt.zero_grad()
    loss.backward()
    opt.step()
    avg = loss.item() if avg is None else 0.98 * avg + 0.02 * loss.item()
    if step % 150 == 0:
        with torch.no_grad():
            s, f, t = make_batch(500)
            acc = (model(s, f).argmax(1) == t).float().mean().item()
        print(f"step {step} loss {avg:.4f} acc {acc:.3f}")
