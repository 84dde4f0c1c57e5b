# Semi-supervised node classification with a two-layer GCN on a stochastic block model.
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

SEED = 3
N_NODES = 1200
N_CLASSES = 5
N_FEATS = 24
LABELS_PER_CLASS = 12
EPOCHS = 100


def make_graph(rng):
    y = rng.integers(0, N_CLASSES, N_NODES)
    p_in, p_out = 0.035, 0.006
    same = y[:, None] == y[None, :]
    prob = np.where(same, p_in, p_out)
    upper = np.triu(rng.random((N_NODES, N_NODES)) < prob, k=1)
    adj = (upper | upper.T).astype(np.float32)
    centers = rng.normal(size=(N_CLASSES, N_FEATS))
    x = 0.45 * centers[y] + rng.normal(size=(N_NODES, N_FEATS))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(adj), torch.tensor(y)


def normalised_adjacency(adj):
    a = adj + torch.eye(adj.size(0))
    d = a.sum(1).pow(-0.5)
    return d[:, None] * a * d[None, :]


def split(y, rng):
    train = np.zeros(N_NODES, dtype=bool)
    for c in range(N_CLASSES):
        idx = np.flatnonzero(y.numpy() == c)
        train[rng.choice(idx, LABELS_PER_CLASS, replace=False)] = True
    rest = rng.permutation(np.flatnonzero(~train))
    val, test = np.zeros_like(train), np.zeros_like(train)
    val[rest[:200]] = True
    test[rest[200:]] = True
    return torch.tensor(train), torch.tensor(val), torch.tensor(test)


class GraphConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, a_hat):
        return a_hat @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, n_in, hidden, n_out, p_drop=0.5):
        super().__init__()
        self.gc1 = GraphConv(n_in, hidden)
        self.gc2 = GraphConv(hidden, n_out)
        self.p_drop = p_drop

    def forward(self, x, a_hat):
        x = F.dropout(x, self.p_drop, self.training)
        h = F.relu(self.gc1(x, a_hat))
        h = F.dropout(h, self.p_drop, self.training)
        return F.log_softmax(self.gc2(h, a_hat), dim=1)


@torch.no_grad()
def accuracy(model, x, a_hat, y, mask):
    model.eval()
    pred = model(x, a_hat)[mask].argmax(1)
    return (pred == y[mask]).float().mean().item()


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    torch.manual_seed(SEED)

    x, adj, y = make_graph(rng)
    a_hat = normalised_adjacency(adj)
    train_mask, val_mask, test_mask = split(y, rng)
    print(f"{N_NODES} nodes, {int(adj.sum()) // 2} edges, "
          f"{train_mask.sum().item()} labelled / {val_mask.sum().item()} val / {test_mask.sum().item()} test")

    model = GCN(N_FEATS, 32, N_CLASSES)
    opt = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    best_val, best_state = 0.0, None
    for epoch in range(1, EPOCHS + 1):
        model.train()
        opt.zero_grad()
        out = model(x, a_hat)
        loss = F.nll_loss(out[train_mask], y[train_mask])
        loss.backward()
        opt.step()

        val_acc = accuracy(model, x, a_hat, y, val_mask)
        if val_acc > best_val:
            best_val = val_acc
            best_state = {k: v.clone() for k, v in model.state_dict().items()}
        if epoch % 25 == 0:
            print(f"epoch {epoch:3d}  loss {loss.item():.3f}  val acc {val_acc:.3f}")

    model.load_state_dict(best_state)
    print(f"test accuracy: {accuracy(model, x, a_hat, y, test_mask):.4f}")


if __name__ == "__main__":
    main()
