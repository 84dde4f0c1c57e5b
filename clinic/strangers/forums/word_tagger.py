import torch
import torch.nn as nn
from torch.utils.data import DataLoader, IterableDataset

VOCAB, TAGS = 5000, 6
gen = torch.Generator().manual_seed(0)
RANK = torch.rand(VOCAB, generator=gen)
TAG_OF = torch.randint(0, TAGS - 1, (VOCAB,), generator=gen)
TRIGGER = torch.randperm(VOCAB, generator=gen)[:60]
PROB = 1.0 / torch.arange(1, VOCAB + 1).float() ** 1.1
PROB[TRIGGER] += 0.002


class Sentences(IterableDataset):
    """Zipf distributed words; a word right after a trigger word always takes the last tag."""

    def __init__(self, n_batches, length, bs=32):
        self.n, self.length, self.bs = n_batches, length, bs

    def __iter__(self):
        for _ in range(self.n):
            w = torch.multinomial(PROB, self.bs * self.length, replacement=True).view(self.bs, self.length)
            t = TAG_OF[w]
            after = torch.isin(w[:, :-1], TRIGGER)
            t[:, 1:][after] = TAGS - 1
            yield w, t


class Tagger(nn.Module):
    def __init__(self, dim=32, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, dim, sparse=True)
        self.rnn = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, TAGS)

    def forward(self, w):
        h, _ = self.rnn(self.emb(w))
        return self.out(h)


torch.manual_seed(1)
model = Tagger()
dense = [p for n, p in model.named_parameters() if not n.startswith("emb")]
opt_sparse = torch.optim.SparseAdam(list(model.emb.parameters()), lr=1e-2)
opt_dense = torch.optim.Adam(dense, lr=4e-3)
criterion = nn.CrossEntropyLoss()

for stage, length in enumerate([4, 8, 16, 24]):
    total = 0.0
    for w, t in DataLoader(Sentences(150, length), batch_size=None):
        loss = criterion(model(w).flatten(0, 1), t.flatten())
        opt_sparse.zero_grad()
        opt_dense.zero_grad()
        loss.backward()
        opt_sparse.step()
        opt_dense.step()
        total += loss.item()
    print(f"stage {stage} length {length} mean loss {total / 150:.4f} last {loss.item():.4f}")

model.eval()
with torch.no_grad():
    good = n = 0
    for w, t in Sentences(20, 24):
        good += (model(w).argmax(-1) == t).sum().item()
        n += t.numel()
print("token accuracy %.4f" % (good / n))
