"""Learning to rank with a pairwise logistic (RankNet) loss. Reports NDCG@5 on unseen queries."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class QuerySet:
    """Synthetic click-log features: every query shifts and stretches the raw feature values."""

    def __init__(self, n_queries, n_docs, rng, truth):
        latent = rng.normal(size=(n_queries, n_docs, truth["w"].shape[0]))
        utility = latent @ truth["w"] + 0.8 * np.tanh(latent @ truth["v"]) + 0.15 * rng.normal(size=(n_queries, n_docs))
        cuts = np.quantile(utility, [0.55, 0.8, 0.93])
        shift = 6.0 * rng.normal(size=(n_queries, 1, latent.shape[2]))
        stretch = np.exp(1.0 * rng.normal(size=(n_queries, 1, latent.shape[2])))
        self.features = (latent * stretch + shift) * truth["units"]
        self.relevance = np.digitize(utility, cuts)

    def __len__(self):
        return len(self.features)


def standardise_per_query(x):
    mean = x.mean(axis=1, keepdims=True)
    std = x.std(axis=1, keepdims=True)
    return torch.tensor((x - mean) / (std + 1e-6), dtype=torch.float32)


class Scorer(nn.Module):
    def __init__(self, n_features, hidden=40):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(n_features, hidden), nn.ReLU(),
            nn.Linear(hidden, hidden), nn.ReLU(),
        )
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(self.body(x)).squeeze(-1)


def ranknet_loss(scores, rel):
    diff = scores.unsqueeze(2) - scores.unsqueeze(1)
    better = (rel.unsqueeze(2) != rel.unsqueeze(1)).float()
    weight = better * (rel.unsqueeze(2) - rel.unsqueeze(1)).abs()
    return (weight * F.softplus(-diff)).sum() / weight.sum()


def ndcg_at_k(scores, rel, k=5):
    discount = 1.0 / torch.log2(torch.arange(k, dtype=torch.float32) + 2.0)
    gain = 2.0 ** rel - 1.0
    top = scores.argsort(dim=1, descending=True)[:, :k]
    dcg = (gain.gather(1, top) * discount).sum(1)
    ideal = (gain.sort(dim=1, descending=True).values[:, :k] * discount).sum(1)
    keep = ideal > 0
    return (dcg[keep] / ideal[keep]).mean().item()


def main(seed=4, n_features=10, n_docs=24, epochs=40, batch_queries=20):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    truth = {
        "w": rng.normal(size=n_features) / np.sqrt(n_features),
        "v": rng.normal(size=n_features),
        "units": 10.0 ** rng.uniform(-1, 2, size=n_features),
    }
    train = QuerySet(400, n_docs, rng, truth)
    test = QuerySet(150, n_docs, rng, truth)

    x_train = standardise_per_query(train.features)
    flat = train.features.reshape(-1, n_features)
    x_test = torch.tensor((test.features - flat.mean(axis=0)) / flat.std(axis=0), dtype=torch.float32)
    r_train = torch.tensor(train.relevance, dtype=torch.float32)
    r_test = torch.tensor(test.relevance, dtype=torch.float32)

    model = Scorer(n_features)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    print(f"NDCG@5 of random order: {ndcg_at_k(torch.rand_like(r_test), r_test):.3f}")

    for epoch in range(1, epochs + 1):
        model.train()
        perm = torch.randperm(len(train))
        losses = []
        for chunk in perm.split(batch_queries):
            loss = ranknet_loss(model(x_train[chunk]), r_train[chunk])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if epoch % 10 == 0:
            print(f"epoch {epoch:3d}  pairwise loss {np.mean(losses):.4f}")

    model.eval()
    with torch.no_grad():
        scores = model(x_test)
    print(f"test NDCG@5: {ndcg_at_k(scores, r_test):.4f}")


if __name__ == "__main__":
    main()
