"""Trains a tiny two-layer transformer language model on sentences from a toy grammar and tests how well it completes unseen ones."""
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

SUBJECTS = {"cat": "purrs", "dog": "barks", "cow": "moos", "owl": "hoots", "pig": "oinks", "bee": "buzzes"}
COLOURS = ["red", "grey", "white", "black"]
PLACES = ["barn", "yard", "wood", "house", "field"]
PREP = {"barn": "in", "yard": "in", "wood": "near", "house": "near", "field": "across"}
BLOCK = 16


def make_text(n_sentences, seed):
    rng = random.Random(seed)
    out = []
    for _ in range(n_sentences):
        s = rng.choice(list(SUBJECTS))
        p = rng.choice(PLACES)
        out += ["the", rng.choice(COLOURS), s, "of", "the", p, SUBJECTS[s], PREP[p], "the", p, "."]
    return out


train_words = make_text(2000, 1)
test_words = make_text(300, 2)
vocab = sorted(set(train_words))
stoi = {w: i for i, w in enumerate(vocab)}
train_ids = torch.tensor([stoi[w] for w in train_words])
test_ids = torch.tensor([stoi[w] for w in test_words])


def get_batch(batch_size=32):
    ix = torch.randint(len(train_ids) - BLOCK - 1, (batch_size,))
    x = torch.stack([train_ids[i:i + BLOCK] for i in ix])
    y = torch.stack([train_ids[i + 1:i + BLOCK + 1] for i in ix])
    return x, y


class CausalSelfAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.register_buffer("mask", torch.tril(torch.ones(BLOCK, BLOCK)).bool())

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        q = q.view(B, T, self.heads, -1).transpose(1, 2)
        k = k.view(B, T, self.heads, -1).transpose(1, 2)
        v = v.view(B, T, self.heads, -1).transpose(1, 2)
        att = q @ k.transpose(-2, -1) / math.sqrt(C // self.heads)
        att = att.masked_fill(self.mask[:T, :T], -1e9)
        att = F.softmax(att, dim=-1)
        y = (att @ v).transpose(1, 2).reshape(B, T, C)
        return self.proj(y)


class TinyLM(nn.Module):
    def __init__(self, n_vocab, dim=48, heads=4):
        super().__init__()
        self.tok = nn.Embedding(n_vocab, dim)
        self.pos = nn.Embedding(BLOCK, dim)
        self.layers = nn.ModuleList([
            nn.ModuleDict({
                "ln1": nn.LayerNorm(dim), "att": CausalSelfAttention(dim, heads), "ln2": nn.LayerNorm(dim),
                "mlp": nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)),
            }) for _ in range(2)
        ])
        self.ln = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, n_vocab)

    def forward(self, idx):
        x = self.tok(idx) + self.pos(torch.arange(idx.shape[1]))
        for l in self.layers:
            x = x + l["att"](l["ln1"](x))
            x = x + l["mlp"](l["ln2"](x))
        return self.head(self.ln(x))


@torch.no_grad()
def test_accuracy(model, prompt_len=6, sent_len=11):
    """Greedily complete held-out sentences from their first six words; share of words that are right."""
    model.eval()
    sents = test_ids.view(-1, sent_len)
    out = sents[:, :prompt_len]
    while out.shape[1] < sent_len:
        nxt = model(out)[:, -1].argmax(-1, keepdim=True)
        out = torch.cat([out, nxt], dim=1)
    model.train()
    return (out[:, prompt_len:] == sents[:, prompt_len:]).float().mean().item()


torch.manual_seed(1337)
model = TinyLM(len(vocab))
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
for step in range(1, 401):
    xb, yb = get_batch()
    logits = model(xb)
    loss = F.cross_entropy(logits.reshape(-1, len(vocab)), yb.reshape(-1))
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print(f"step {step}: train loss {loss.item():.4f}, test accuracy {test_accuracy(model):.4f}")
