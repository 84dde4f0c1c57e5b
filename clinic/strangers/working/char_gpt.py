"""Small character-level transformer on generated sentences."""
import argparse
import math
import random

import torch
import torch.nn as nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--max_iters", type=int, default=420)
parser.add_argument("--batch_size", type=int, default=12)
parser.add_argument("--grad_accum", type=int, default=2)
parser.add_argument("--block_size", type=int, default=48)
parser.add_argument("--n_embd", type=int, default=64)
parser.add_argument("--n_head", type=int, default=4)
parser.add_argument("--n_layer", type=int, default=2)
parser.add_argument("--learning_rate", type=float, default=6e-3)
parser.add_argument("--min_lr", type=float, default=3e-4)
parser.add_argument("--warmup_iters", type=int, default=40)
parser.add_argument("--grad_clip", type=float, default=1.0)
args = parser.parse_args()

torch.manual_seed(1337)
random.seed(1337)

subjects = ["the old farmer", "a young doctor", "my neighbour", "the quiet child", "our captain"]
verbs = ["carries", "watches", "repairs", "forgets", "paints"]
objects = ["a wooden boat", "the red lamp", "his heavy coat", "an empty box", "the garden gate"]
places = ["near the river", "in the kitchen", "before sunrise", "after the storm"]
lines = [" ".join(random.choice(part) for part in (subjects, verbs, objects, places)) for _ in range(3000)]
text = ".\n".join(lines)
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in text])
n = int(0.9 * len(data))
splits = {"train": data[:n], "val": data[n:]}


def get_batch(split):
    d = splits[split]
    ix = torch.randint(len(d) - args.block_size - 1, (args.batch_size,))
    x = torch.stack([d[i:i + args.block_size] for i in ix])
    y = torch.stack([d[i + 1:i + 1 + args.block_size] for i in ix])
    return x, y


class Block(nn.Module):
    def __init__(self, c, h):
        super().__init__()
        self.h = h
        self.ln1, self.ln2 = nn.LayerNorm(c), nn.LayerNorm(c)
        self.qkv, self.proj = nn.Linear(c, 3 * c), nn.Linear(c, c)
        self.mlp = nn.Sequential(nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c))

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = (u.view(b, t, self.h, -1).transpose(1, 2) for u in self.qkv(self.ln1(x)).split(c, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, c))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.wte = nn.Embedding(vocab, args.n_embd)
        self.wpe = nn.Embedding(args.block_size, args.n_embd)
        self.blocks = nn.Sequential(*[Block(args.n_embd, args.n_head) for _ in range(args.n_layer)])
        self.ln_f = nn.LayerNorm(args.n_embd)
        self.lm_head = nn.Linear(args.n_embd, vocab, bias=False)
        self.apply(lambda m: nn.init.normal_(m.weight, std=0.02) if isinstance(m, (nn.Linear, nn.Embedding)) else None)
        self.lm_head.weight = self.wte.weight

    def forward(self, idx, targets):
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1]))
        logits = self.lm_head(self.ln_f(self.blocks(x)))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def get_lr(it):
    if it < args.warmup_iters:
        return args.learning_rate * (it + 1) / args.warmup_iters
    ratio = (it - args.warmup_iters) / (args.max_iters - args.warmup_iters)
    return args.min_lr + 0.5 * (1 + math.cos(math.pi * ratio)) * (args.learning_rate - args.min_lr)


@torch.no_grad()
def estimate_loss(k=20):
    model.eval()
    out = {s: sum(model(*get_batch(s)).item() for _ in range(k)) / k for s in splits}
    model.train()
    return out


model = GPT(len(chars))
optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, betas=(0.9, 0.95), weight_decay=0.1)
floor = math.log(5 * 5 * 5 * 4) / (len(text) / len(lines))
print(f"{sum(p.numel() for p in model.parameters())} parameters, entropy of the source {floor:.3f} nats/char")
for it in range(args.max_iters):
    for g in optimizer.param_groups:
        g["lr"] = get_lr(it)
    if it % 100 == 0:
        l = estimate_loss()
        print(f"iter {it}: train {l['train']:.4f}, val {l['val']:.4f}")
    for _ in range(args.grad_accum):
        loss = model(*get_batch("train")) / args.grad_accum
        loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), args.grad_clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
print(f"final val loss {estimate_loss(50)['val']:.4f}")
