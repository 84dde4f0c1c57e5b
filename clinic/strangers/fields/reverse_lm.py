"""Decoder-only transformer that learns to write a word backwards:  '^horse>esroh$'."""
import math
import random
import string
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

LETTERS = string.ascii_lowercase[:10]
ITOS = ["_", "^", ">", "$"] + list(LETTERS)          # _ = padding
STOI = {c: i for i, c in enumerate(ITOS)}
PAD, EOS = STOI["_"], STOI["$"]
IGNORE = -100


@dataclass
class Config:
    seed: int = 0
    d_model: int = 48
    n_head: int = 3
    n_layer: int = 2
    max_len: int = 20
    min_word: int = 3
    max_word: int = 5
    batch_size: int = 64
    n_train: int = 4800
    epochs: int = 3
    lr: float = 3e-3


class ReverseWords(Dataset):
    def __init__(self, n, cfg, seed):
        rng = random.Random(seed)
        self.words = ["".join(rng.choices(LETTERS, k=rng.randint(cfg.min_word, cfg.max_word))) for _ in range(n)]
        self.length = 2 * cfg.max_word + 3

    def __len__(self):
        return len(self.words)

    def __getitem__(self, i):
        w = self.words[i]
        ids = [STOI[c] for c in f"^{w}>{w[::-1]}$"]
        n_prompt = len(w) + 2
        labels = [IGNORE] * n_prompt + ids[n_prompt:]
        pad = self.length - len(ids)
        x = torch.tensor(ids + [PAD] * pad)
        y = torch.tensor(labels + [IGNORE] * pad)
        return x[:-1], y[1:]


class Block(nn.Module):
    def __init__(self, d, n_head):
        super().__init__()
        self.n_head = n_head
        self.ln1, self.ln2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x):
        B, T, D = x.shape
        q, k, v = (z.view(B, T, self.n_head, D // self.n_head).transpose(1, 2) for z in self.qkv(self.ln1(x)).chunk(3, -1))
        att = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(att.transpose(1, 2).reshape(B, T, D))
        return x + self.mlp(self.ln2(x))


class TinyLM(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.tok = nn.Embedding(len(ITOS), cfg.d_model)
        self.pos = nn.Embedding(cfg.max_len, cfg.d_model)
        self.blocks = nn.ModuleList(Block(cfg.d_model, cfg.n_head) for _ in range(cfg.n_layer))
        self.ln = nn.LayerNorm(cfg.d_model)
        self.head = nn.Linear(cfg.d_model, len(ITOS))

    def forward(self, ids, labels=None):
        x = self.tok(ids) + self.pos(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.ln(x))
        loss = None
        if labels is not None:
            loss = F.cross_entropy(
                logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=IGNORE
            )
        return logits, loss

    @torch.no_grad()
    def complete(self, prompt, max_new):
        ids = torch.tensor([[STOI[c] for c in prompt]])
        out = ""
        for _ in range(max_new):
            nxt = self(ids)[0][0, -1].argmax()
            if nxt == EOS:
                break
            out += ITOS[nxt]
            ids = torch.cat([ids, nxt.view(1, 1)], dim=1)
        return out


def exact_match(model, words):
    model.eval()
    good = sum(model.complete(f"^{w}>", len(w) + 2) == w[::-1] for w in words)
    model.train()
    return good / len(words)


def main():
    cfg = Config()
    torch.manual_seed(cfg.seed)
    train_set = ReverseWords(cfg.n_train, cfg, seed=cfg.seed)
    train = DataLoader(train_set, batch_size=cfg.batch_size, shuffle=True)
    seen = set(train_set.words)
    test_words = [w for w in ReverseWords(400, cfg, seed=cfg.seed + 10_000).words if w not in seen][:100]

    model = TinyLM(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=0.01)
    n_steps = cfg.epochs * len(train)
    warmup_cosine = lambda s: min(1.0, (s + 1) / 50) * 0.5 * (1 + math.cos(math.pi * s / n_steps))
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, warmup_cosine)

    for epoch in range(1, cfg.epochs + 1):
        total = 0.0
        for ids, labels in train:
            _, loss = model(ids, labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item()
        print(f"epoch {epoch}: loss={total / len(train):.4f} exact_match={exact_match(model, test_words[:30]):.3f}")

    for w in test_words[:4]:
        print(f"   {w} -> {model.complete(f'^{w}>', len(w) + 2)}")
    print(f"final exact_match={exact_match(model, test_words):.4f}")


if __name__ == "__main__":
    main()
