"""Item ranking from clicks with latent factors and the BPR pairwise loss.

Field: recommender
Metric: recall@20, higher is better; 0.214 without learning
"""

import torch
import torch.nn.functional as F

N_USERS, N_ITEMS, CLICKS, HELD_OUT, DIM = 400, 240, 30, 6, 8


def simulate_clicks():
    """Every user clicks CLICKS different items, drawn by taste and popularity."""
    taste = 4.0 * F.normalize(torch.randn(N_USERS, 4), dim=1)
    score = taste @ torch.randn(N_ITEMS, 4).T + 0.4 * torch.randn(N_ITEMS)
    gumbel = -torch.log(-torch.log(torch.rand(N_USERS, N_ITEMS).clamp(1e-9, 1 - 1e-7)))
    chosen = (score + gumbel).topk(CLICKS, dim=1).indices
    shuffled = chosen.gather(1, torch.rand(N_USERS, CLICKS).argsort(dim=1))
    return shuffled[:, HELD_OUT:], shuffled[:, :HELD_OUT]


def sample_negatives(users, seen):
    """One item per user that the user has not clicked in training."""
    items = torch.randint(N_ITEMS, users.shape)
    clash = seen[users, items]
    while clash.any():
        items[clash] = torch.randint(N_ITEMS, (int(clash.sum()),))
        clash = seen[users, items]
    return items


def bpr_loss(user_vec, pos, neg):
    """Negative log probability that the clicked item is ranked above the other one."""
    (pos_vec, pos_bias), (neg_vec, neg_bias) = pos, neg
    margin = (user_vec * (pos_vec - neg_vec)).sum(dim=1) + pos_bias - neg_bias
    return -F.logsigmoid(margin).mean()


def recall_at(k, scores, seen, held_out):
    """Share of held-out clicks among the k best items not seen in training."""
    top = scores.masked_fill(seen, float("-inf")).topk(k, dim=1).indices
    hits = (top.unsqueeze(2) == held_out.unsqueeze(1)).any(dim=1)
    return hits.float().mean().item()


def main():
    """Simulate, train and evaluate."""
    torch.manual_seed(0)
    train, held_out = simulate_clicks()
    seen = torch.zeros(N_USERS, N_ITEMS, dtype=torch.bool).scatter_(1, train, True)
    users = torch.arange(N_USERS).repeat_interleave(train.shape[1])
    clicked = train.reshape(-1)

    user_emb = torch.nn.Parameter(0.1 * torch.randn(N_USERS, DIM))
    item_emb = torch.nn.Parameter(0.1 * torch.randn(N_ITEMS, DIM))
    item_bias = torch.nn.Parameter(torch.zeros(N_ITEMS))
    opt = torch.optim.Adam([user_emb, item_emb, item_bias], lr=0.02)

    for epoch in range(40):
        perm = torch.randperm(len(users))
        losses = []
        for idx in perm.split(1024):
            u, i = users[idx], clicked[idx]
            j = sample_negatives(u, seen)
            loss = bpr_loss(user_emb[u], (item_emb[i], item_bias[i]), (item_emb[j], item_bias[j]))
            reg = user_emb[u].pow(2).sum(1) + item_emb[i].pow(2).sum(1) + item_emb[j].pow(2).sum(1)
            opt.zero_grad()
            (loss + 0.005 * reg.mean()).backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 8 == 7:
            print(f"epoch {epoch + 1} bpr {sum(losses) / len(losses):.4f}")

    with torch.no_grad():
        scores = user_emb @ item_emb.T + item_bias
    print(f"recall@20 {recall_at(20, scores, seen, held_out):.4f}")


if __name__ == "__main__":
    main()
