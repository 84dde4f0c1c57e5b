"""Semi-supervised paper classification with a two-layer GCN (dense maths kept simple, sparse adjacency)."""
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def make_citation_tables(n_papers=2000, n_topics=6, n_words=120, seed=0):
    """Returns a paper table (id, word counts, topic) and a citation list (citing id, cited id)."""
    rng = np.random.default_rng(seed)
    topic_of_id = rng.integers(0, n_topics, n_papers)

    # citations: mostly inside a topic, some papers far more popular than others
    popularity = rng.pareto(2.5, n_papers) + 0.2
    citing = np.repeat(np.arange(n_papers), 1 + rng.poisson(2.0, n_papers))
    cited = rng.choice(n_papers, len(citing), p=popularity / popularity.sum())
    inside = rng.random(len(citing)) < 0.85
    for k in range(n_topics):
        pick = inside & (topic_of_id[citing] == k)
        pool = np.flatnonzero(topic_of_id == k)
        cited[pick] = rng.choice(pool, pick.sum(), p=popularity[pool] / popularity[pool].sum())
    cites = np.stack([citing, cited], axis=1)[citing != cited]

    ids = rng.permutation(n_papers)
    topic = topic_of_id[ids]
    word_rate = rng.gamma(0.7, 0.12, (n_topics, n_words)) + 0.08
    words = (rng.poisson(word_rate[topic] * 0.55) > 0).astype(np.float32)
    return ids, words, topic, cites


def build_graph(ids, cites):
    """Turns the citation list into the normalised adjacency D^-1/2 (A + I) D^-1/2."""
    n = len(ids)
    src, dst = cites[:, 0], cites[:, 1]

    loops = np.arange(n)
    rows = np.concatenate([src, dst, loops])
    cols = np.concatenate([dst, src, loops])
    index = torch.from_numpy(np.stack([rows, cols]))
    r, c = index.unique(dim=1)

    deg = torch.bincount(r, minlength=n).float()
    inv_sqrt = deg.pow(-0.5)
    return torch.sparse_coo_tensor(torch.stack([r, c]), inv_sqrt[r] * inv_sqrt[c], (n, n), check_invariants=False).coalesce()


class GraphConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return torch.sparse.mm(adj, x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, n_in, n_hidden, n_out, dropout):
        super().__init__()
        self.conv1 = GraphConv(n_in, n_hidden)
        self.conv2 = GraphConv(n_hidden, n_out)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.dropout(x, self.dropout, training=self.training)
        x = F.relu(self.conv1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        return self.conv2(x, adj)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=300)
    ap.add_argument("--lr", type=float, default=0.01)
    ap.add_argument("--weight-decay", type=float, default=5e-4)
    ap.add_argument("--hidden", type=int, default=32)
    ap.add_argument("--dropout", type=float, default=0.5)
    ap.add_argument("--labels-per-topic", type=int, default=20)
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    ids, words, topic, cites = make_citation_tables(seed=args.seed)
    adj = build_graph(ids, cites)

    x = torch.from_numpy(words)
    x = x / x.sum(1, keepdim=True).clamp(min=1)
    y = torch.from_numpy(topic).long()
    n_topics = int(y.max()) + 1

    train_mask = torch.zeros(len(y), dtype=torch.bool)
    for k in range(n_topics):
        members = torch.nonzero(y == k).flatten()
        train_mask[members[torch.randperm(len(members))[: args.labels_per_topic]]] = True
    rest = torch.nonzero(~train_mask).flatten()
    rest = rest[torch.randperm(len(rest))]
    val_idx, test_idx = rest[:500], rest[500:]

    model = GCN(x.shape[1], args.hidden, n_topics, args.dropout)
    opt = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)

    best_val, test_at_best = 0.0, 0.0
    for epoch in range(1, args.epochs + 1):
        model.train()
        opt.zero_grad()
        out = model(x, adj)
        loss = F.cross_entropy(out[train_mask], y[train_mask])
        loss.backward()
        opt.step()

        model.eval()
        with torch.no_grad():
            pred = model(x, adj).argmax(1)
        hit = (pred == y).float()
        val_acc, test_acc = hit[val_idx].mean().item(), hit[test_idx].mean().item()
        if val_acc > best_val:
            best_val, test_at_best = val_acc, test_acc
        if epoch % 50 == 0:
            print(f"epoch {epoch:3d}  loss {loss.item():.3f}  train acc {hit[train_mask].mean():.3f}  val acc {val_acc:.3f}")

    print(f"test accuracy (best val epoch): {test_at_best:.4f}")


if __name__ == "__main__":
    main()
