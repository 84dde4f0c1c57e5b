"""Tiny BERT-style masked language model on a synthetic chain language."""
import argparse
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

PAD, MASK, N_SPECIAL = 0, 1, 2


def make_corpus(n, length, vocab, rng, successor):
    """Each word is followed by its usual successor nineteen times out of twenty."""
    out = np.zeros((n, length), dtype=np.int64)
    for i in range(n):
        L = rng.integers(length // 2, length + 1)
        w = rng.integers(vocab)
        for j in range(L):
            out[i, j] = w + N_SPECIAL
            w = successor[w] if rng.random() < 0.95 else rng.integers(vocab)
    return torch.from_numpy(out)


def mask_tokens(tokens, p, generator=None):
    labels = tokens.clone()
    chosen = (torch.rand(tokens.shape, generator=generator) < p) & (tokens != PAD)
    inputs = tokens.masked_fill(chosen, MASK)
    labels[chosen] = -100
    return inputs, labels


class MiniBert(nn.Module):
    def __init__(self, n_tokens, length, dim=48, heads=4, layers=1):
        super().__init__()
        self.tok = nn.Embedding(n_tokens, dim, padding_idx=PAD)
        self.pos = nn.Parameter(0.3 * torch.randn(1, length, dim))
        block = nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, n_tokens)

    def forward(self, tokens):
        h = self.tok(tokens) + self.pos[:, : tokens.size(1)]
        h = self.encoder(h, src_key_padding_mask=tokens == PAD)
        return self.out(self.norm(h))


@torch.no_grad()
def masked_accuracy(model, tokens, p, seed=1234):
    model.eval()
    g = torch.Generator().manual_seed(seed)
    chosen = (torch.rand(tokens.shape, generator=g) < p) & (tokens != PAD)
    logits = model(tokens.masked_fill(chosen, MASK))
    model.train()
    return (logits.argmax(-1)[chosen] == tokens[chosen]).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--vocab", type=int, default=20)
    ap.add_argument("--length", type=int, default=10)
    ap.add_argument("--steps", type=int, default=450)
    ap.add_argument("--batch", type=int, default=64)
    ap.add_argument("--lr", type=float, default=6e-3)
    ap.add_argument("--mask-prob", type=float, default=0.25)
    args = ap.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    successor = np.roll(rng.permutation(args.vocab), 1)
    train = make_corpus(4000, args.length, args.vocab, rng, successor)
    valid = make_corpus(600, args.length, args.vocab, rng, successor)

    n_tokens = args.vocab + N_SPECIAL
    model = MiniBert(n_tokens, args.length)
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=args.lr, total_steps=args.steps, pct_start=0.15)

    start = time.time()
    for step in range(1, args.steps + 1):
        batch = train[torch.randint(0, len(train), (args.batch,))]
        inputs, labels = mask_tokens(batch, args.mask_prob)
        logits = model(inputs)
        loss = F.cross_entropy(logits.view(-1, n_tokens), labels.view(-1), ignore_index=-100)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        if step % 100 == 0:
            print(f"step {step:4d} | loss {loss.item():.3f} | lr {sched.get_last_lr()[0]:.5f} "
                  f"| {time.time() - start:.1f}s")

    print(f"valid masked-token accuracy: {masked_accuracy(model, valid, args.mask_prob):.4f}")


if __name__ == "__main__":
    main()
