#!/usr/bin/env python3
# tiny GPT that writes python code, trained on a few stdlib modules
# training loop follows karpathy/nanoGPT train.py
import argparse
import math
import os

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def parse_args():
    p = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    p.add_argument('--batch_size', type=int, default=20)
    p.add_argument('--block_size', type=int, default=64)
    p.add_argument('--n_layer', type=int, default=2)
    p.add_argument('--n_head', type=int, default=2)
    p.add_argument('--n_embd', type=int, default=64)
    p.add_argument('--dropout', type=float, default=0.05)
    p.add_argument('--learning_rate', type=float, default=1e-3)
    p.add_argument('--min_lr', type=float, default=1e-4)
    p.add_argument('--max_iters', type=int, default=400)
    p.add_argument('--warmup_iters', type=int, default=2000)
    p.add_argument('--weight_decay', type=float, default=0.1)
    p.add_argument('--beta1', type=float, default=0.9)
    p.add_argument('--beta2', type=float, default=0.95)
    p.add_argument('--grad_clip', type=float, default=1.0)
    p.add_argument('--log_interval', type=int, default=25)
    p.add_argument('--eval_interval', type=int, default=100)
    p.add_argument('--eval_iters', type=int, default=15)
    p.add_argument('--seed', type=int, default=42)
    return p.parse_args()


MODULES = ['argparse.py', 'inspect.py', 'tarfile.py', 'zipfile/__init__.py', 'subprocess.py',
           'typing.py', 'doctest.py', 'shutil.py', 'pathlib/__init__.py', 'statistics.py']


def load_corpus():
    root = os.path.dirname(os.__file__)
    parts = []
    for name in MODULES:
        path = os.path.join(root, name)
        if os.path.exists(path):
            with open(path, encoding='utf-8') as f:
                parts.append(f.read())
    raw = '\n\n'.join(parts).encode('ascii', errors='ignore')
    arr = np.frombuffer(raw, dtype=np.uint8)
    vocab, ids = np.unique(arr, return_inverse=True)
    return vocab, ids.astype(np.int64)


class Attention(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q, k, v = [t.view(B, T, self.heads, -1).transpose(1, 2) for t in (q, k, v)]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.drop(self.proj(y.transpose(1, 2).reshape(B, T, C)))


class Layer(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.att = Attention(dim, heads, dropout)
        self.ff = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(),
                                nn.Linear(4 * dim, dim), nn.Dropout(dropout))

    def forward(self, x):
        x = x + self.att(self.n1(x))
        return x + self.ff(self.n2(x))


class TinyGPT(nn.Module):
    def __init__(self, vocab_size, args):
        super().__init__()
        self.tok = nn.Embedding(vocab_size, args.n_embd)
        self.pos = nn.Parameter(torch.zeros(args.block_size, args.n_embd))
        self.layers = nn.Sequential(*[Layer(args.n_embd, args.n_head, args.dropout)
                                      for _ in range(args.n_layer)])
        self.norm = nn.LayerNorm(args.n_embd)
        self.head = nn.Linear(args.n_embd, vocab_size)
        for m in self.modules():
            if isinstance(m, (nn.Linear, nn.Embedding)):
                nn.init.normal_(m.weight, std=0.02)
            if isinstance(m, nn.Linear):
                nn.init.zeros_(m.bias)

    def forward(self, idx, targets=None):
        x = self.tok(idx) + self.pos[:idx.shape[1]]
        logits = self.head(self.norm(self.layers(x)))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        return logits, loss


def main():
    args = parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    vocab, ids = load_corpus()
    # hold out every tenth 1000-character chunk
    chunks = [ids[i:i + 1000] for i in range(0, len(ids) - 1000, 1000)]
    splits = {
        'train': [c for i, c in enumerate(chunks) if i % 10 != 9],
        'val': [c for i, c in enumerate(chunks) if i % 10 == 9],
    }
    print(f'{len(ids)} chars, {len(vocab)} distinct, '
          f'{len(splits["train"])} train chunks, {len(splits["val"])} val chunks')

    def get_batch(split):
        src = splits[split]
        which = rng.integers(len(src), size=args.batch_size)
        offs = rng.integers(1000 - args.block_size - 1, size=args.batch_size)
        seqs = np.stack([src[w][o:o + args.block_size + 1] for w, o in zip(which, offs)])
        seqs = torch.from_numpy(seqs)
        return seqs[:, :-1], seqs[:, 1:]

    def get_lr(it):
        if it < args.warmup_iters:
            return args.learning_rate * (it + 1) / (args.warmup_iters + 1)
        if it >= args.max_iters:
            return args.min_lr
        ratio = (it - args.warmup_iters) / (args.max_iters - args.warmup_iters)
        coeff = 0.5 * (1.0 + math.cos(math.pi * ratio))
        return args.min_lr + coeff * (args.learning_rate - args.min_lr)

    model = TinyGPT(len(vocab), args)
    print('parameters:', sum(p.numel() for p in model.parameters()))
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate,
                                  betas=(args.beta1, args.beta2),
                                  weight_decay=args.weight_decay)

    @torch.no_grad()
    def evaluate(n):
        model.eval()
        vals = [model(*get_batch('val'))[1].item() for _ in range(n)]
        model.train()
        return sum(vals) / len(vals)

    for it in range(args.max_iters):
        lr = get_lr(it)
        for param_group in optimizer.param_groups:
            param_group['lr'] = lr

        xb, yb = get_batch('train')
        _, loss = model(xb, yb)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), args.grad_clip)
        optimizer.step()

        if it % args.log_interval == 0:
            print(f'iter {it:4d} | loss {loss.item():.4f}')
        if it > 0 and it % args.eval_interval == 0:
            print(f'iter {it:4d} | val loss {evaluate(args.eval_iters):.4f}')

    print(f'done. val loss {evaluate(80):.4f}')


if __name__ == '__main__':
    main()
