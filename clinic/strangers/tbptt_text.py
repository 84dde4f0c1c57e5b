# stateful GRU language model trained on consecutive chunks of one long stream
import argparse
import numpy as np
import torch
import torch.nn as nn


def make_stream(n, seed):
    """A noisy two-level grammar over 20 symbols."""
    rng = np.random.default_rng(seed)
    phrases = np.random.default_rng(99).integers(0, 20, (12, 7))
    follow = np.random.default_rng(98).permutation(12)
    out, k = [], 0
    while len(out) < n:
        out.extend(phrases[k].tolist())
        k = int(follow[k]) if rng.random() < 0.8 else int(rng.integers(12))
    return torch.tensor(out[:n])


class LM(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.drop = nn.Dropout(0.2)
        self.gru = nn.GRU(dim, dim, num_layers=2, dropout=0.2)
        self.dec = nn.Linear(dim, vocab, bias=False)
        self.dec.weight = self.emb.weight
        nn.init.uniform_(self.emb.weight, -0.1, 0.1)

    def forward(self, x, h):
        o, h = self.gru(self.drop(self.emb(x)), h)
        return self.dec(self.drop(o)), h


def batchify(stream, bsz):
    n = len(stream) // bsz
    return stream[:n * bsz].view(bsz, n).t().contiguous()


@torch.no_grad()
def evaluate(model, src, bptt):
    model.eval()
    h, tot, cnt = None, 0.0, 0
    for i in range(0, len(src) - 1, bptt):
        T = min(bptt, len(src) - 1 - i)
        o, h = model(src[i:i + T], h)
        tot += nn.functional.cross_entropy(o.flatten(0, 1), src[i + 1:i + 1 + T].flatten(), reduction="sum").item()
        cnt += T * src.size(1)
    return tot / cnt


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--bptt", type=int, default=20)
    ap.add_argument("--epochs", type=int, default=10)
    ap.add_argument("--lr", type=float, default=2.0)
    args = ap.parse_args()
    torch.manual_seed(0)
    train = batchify(make_stream(30000, 0), 20)
    valid = batchify(make_stream(6000, 1), 20)
    model = LM(20, 64)
    opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)
    for epoch in range(1, args.epochs + 1):
        model.train()
        h = None
        tot = nb = 0
        for i in range(0, len(train) - 1, args.bptt):
            T = min(args.bptt, len(train) - 1 - i)
            if h is not None:
                h = h.detach()
            o, h = model(train[i:i + T], h)
            loss = nn.functional.cross_entropy(o.view(-1, 20), train[i + 1:i + 1 + T].view(-1))
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            opt.step()
            tot += loss.item(); nb += 1
        v = evaluate(model, valid, args.bptt)
        print(f"| epoch {epoch:2d} | train {tot / nb:.3f} | valid {v:.3f} | ppl {np.exp(v):.2f}")
