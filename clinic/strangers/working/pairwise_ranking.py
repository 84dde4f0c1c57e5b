"""RankNet on synthetic queries. Metric: NDCG@5 on unseen queries."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import softplus


@dataclass
class Config:
    queries: int = 900
    docs: int = 12
    features: int = 10
    steps: int = 700
    queries_per_step: int = 16
    lr: float = 0.01
    seed: int = 7


def make_data(cfg):
    g = torch.Generator().manual_seed(cfg.seed)
    offset = torch.randn(cfg.queries, 1, 1, generator=g) * 3
    scale = torch.rand(cfg.queries, 1, 1, generator=g) * 4 + 1
    feats = torch.randn(cfg.queries, cfg.docs, cfg.features, generator=g) * scale + offset
    # standardise every document over its own features
    feats = (feats - feats.mean(-1, keepdim=True)) / feats.std(-1, keepdim=True)
    a, b = torch.randn(2, cfg.features, generator=g)
    utility = feats @ a + torch.relu(feats @ b) + 0.3 * torch.randn(cfg.queries, cfg.docs, generator=g)
    rank = utility.argsort(1, descending=True).argsort(1)
    grade = torch.where(rank < 1, 3, torch.where(rank < 3, 2, torch.where(rank < 6, 1, 0)))
    return feats, grade


class Scorer(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, x):
        return self.net(x).squeeze(-1)


def ranknet_loss(scores, grade):
    diff = scores[:, :, None] - scores[:, None, :]
    better = grade[:, :, None] > grade[:, None, :]
    return softplus(-diff[better]).mean()


def ndcg(scores, grade, k=5):
    discount = 1.0 / torch.log2(torch.arange(k) + 2.0)
    gain = 2.0 ** grade - 1
    got = gain.gather(1, scores.argsort(1, descending=True)[:, :k]) @ discount
    best = gain.sort(1, descending=True).values[:, :k] @ discount
    return (got / best).mean().item()


def main(cfg=Config()):
    feats, grade = make_data(cfg)
    torch.manual_seed(cfg.seed)
    cut = int(0.75 * cfg.queries)
    model = Scorer(cfg.features)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, cfg.steps)
    with torch.no_grad():
        print(f"NDCG@5 untrained {ndcg(model(feats[cut:]), grade[cut:]):.4f}")
    for step in range(cfg.steps):
        q = torch.randint(cut, (cfg.queries_per_step,))
        loss = ranknet_loss(model(feats[q]), grade[q])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if (step + 1) % 100 == 0:
            with torch.no_grad():
                print(f"step {step + 1}  loss {loss.item():.4f}  "
                      f"NDCG@5 {ndcg(model(feats[cut:]), grade[cut:]):.4f}")
    with torch.no_grad():
        print(f"NDCG@5 final {ndcg(model(feats[cut:]), grade[cut:]):.4f}")


if __name__ == "__main__":
    main()
