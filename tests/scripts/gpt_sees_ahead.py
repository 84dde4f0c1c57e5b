"""A small GPT whose attention was told that it isn't causal."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
text = "the cat sat on the mat and the dog sat on the log while the rain fell on the roof. " * 40
chars = sorted(set(text))
data = torch.tensor([chars.index(c) for c in text])
BLOCK, DIM, HEADS = 24, 32, 4


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = (part.view(b, t, HEADS, -1).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False)
        return self.out(y.transpose(1, 2).reshape(b, t, DIM))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.norm1, self.norm2 = SelfAttention(), nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.mlp = nn.Sequential(nn.Linear(DIM, 4 * DIM), nn.GELU(), nn.Linear(4 * DIM, DIM))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.token, self.position = nn.Embedding(len(chars), DIM), nn.Embedding(BLOCK, DIM)
        self.blocks, self.head = nn.Sequential(Block(), Block()), nn.Linear(DIM, len(chars))

    def forward(self, x):
        return self.head(self.blocks(self.token(x) + self.position(torch.arange(x.shape[1]))))


model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
for step in range(40):
    rows = torch.randint(len(data) - BLOCK - 1, (16,))
    x = torch.stack([data[i : i + BLOCK] for i in rows])
    y = torch.stack([data[i + 1 : i + 1 + BLOCK] for i in rows])
    loss = F.cross_entropy(model(x).view(-1, len(chars)), y.view(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
