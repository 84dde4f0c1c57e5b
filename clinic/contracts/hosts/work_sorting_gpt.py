"""A small GPT writes the digits of a string in order; strings of all lengths are padded, micro-batches accumulated.

Field: language model
Metric: answer accuracy, higher is better; 0.0824 without learning
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)

DIGITS, ARROW, END, PAD = 8, 8, 9, 10
VOCABULARY, LONGEST = 11, 8
CONTEXT = 2 * LONGEST + 2
IGNORE = -100


class SortedStrings(Dataset):
    """Strings of three to eight digits, an arrow, and the same digits in order."""

    def __init__(self, count):
        self.strings = [torch.randint(DIGITS, (int(n),)) for n in torch.randint(3, LONGEST + 1, (count,))]

    def __len__(self):
        return len(self.strings)

    def __getitem__(self, index):
        string = self.strings[index]
        text = torch.cat([string, torch.tensor([ARROW]), string.sort().values, torch.tensor([END])])
        target = text[1:].clone()
        target[: len(string)] = IGNORE
        return text[:-1], target


def collate(items):
    """Pads the texts of a batch to the longest one."""
    texts, targets = zip(*items)
    return pad_sequence(texts, True, PAD), pad_sequence(targets, True, IGNORE)


class Block(nn.Module):
    """Causal self-attention and an MLP, each after a normalisation."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        """Adds what attention and the MLP compute."""
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(b, t, c))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Token and position embeddings, two blocks, a linear head."""

    def __init__(self, width=32, heads=4, depth=2):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, VOCABULARY)

    def forward(self, x):
        """Logits of the next token at each position."""
        h = self.tokens(x) + self.positions(torch.arange(x.shape[1]))
        return self.head(self.norm(self.blocks(h)))


train_set, test_set = SortedStrings(4000), SortedStrings(400)
loader = DataLoader(train_set, batch_size=64, shuffle=True, collate_fn=collate)
model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3, betas=(0.9, 0.98), weight_decay=0.01)
EPOCHS, MICRO_BATCHES = 5, 2
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, total_steps=EPOCHS * 63 + 1, pct_start=0.15)

for epoch in range(1, EPOCHS + 1):
    total = torch.zeros(())
    for tokens, targets in loader:
        optimizer.zero_grad()
        answers = (targets != IGNORE).sum()
        for x, y in zip(tokens.chunk(MICRO_BATCHES), targets.chunk(MICRO_BATCHES)):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = model(x)
            loss = F.cross_entropy(logits.float().flatten(0, 1), y.flatten(), ignore_index=IGNORE, reduction="sum")
            (loss / answers).backward()
            total += loss.detach() / answers / 63
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    print(f"epoch {epoch}: loss {total.item():.4f}")

tokens, targets = collate([test_set[i] for i in range(400)])
asked = targets != IGNORE
with torch.no_grad():
    right = model(tokens).argmax(dim=-1)[asked] == targets[asked]
print(f"answer accuracy {right.float().mean().item():.4f}")
