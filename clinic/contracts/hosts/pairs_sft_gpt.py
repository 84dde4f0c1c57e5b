"""A small GPT fine-tuned on prompts of different lengths: it writes strings backwards, each letter moved on by one.

Field: instruction tuning
Metric: exact match, higher is better; 0.0 without learning
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD, SEP, EOS, FIRST = 0, 1, 2, 3
LETTERS, SHORTEST, LONGEST = 8, 3, 6
VOCAB = FIRST + LETTERS
CONTEXT = 2 * LONGEST + 2


def example():
    """A prompt closed by SEP, and its answer closed by EOS."""
    length = int(torch.randint(SHORTEST, LONGEST + 1, ()))
    letters = torch.randint(FIRST, VOCAB, (length,))
    prompt = torch.cat([letters, torch.tensor([SEP])])
    answer = torch.cat([FIRST + (letters.flip(0) - FIRST + 1) % LETTERS, torch.tensor([EOS])])
    return prompt, answer


def collate(batch):
    """Pads the sequences and marks the tokens of the answers."""
    tokens = pad_sequence([torch.cat([prompt, answer]) for prompt, answer in batch], batch_first=True)
    marks = [torch.cat([torch.zeros(len(prompt)), torch.ones(len(answer))]) for prompt, answer in batch]
    return tokens, pad_sequence(marks, batch_first=True)


class Block(nn.Module):
    """Pre-norm causal attention and feed-forward."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        """Adds both sublayers to the stream."""
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(mixed.transpose(1, 2).reshape(b, t, c))
        return x + self.feed(self.norm2(x))


class GPT(nn.Module):
    """Embeddings, two blocks, a head that shares the weights of the embedding."""

    def __init__(self, width=40, heads=4, depth=2):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, width)
        self.positions = nn.Embedding(CONTEXT, width)
        nn.init.normal_(self.tokens.weight, std=0.1)
        nn.init.normal_(self.positions.weight, std=0.1)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens):
        """Logits of the next token at each position."""
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        return self.norm(self.blocks(x)) @ self.tokens.weight.t()


def answer_loss(logits, targets, mask):
    """Mean cross entropy over the tokens of the answers."""
    each = F.cross_entropy(logits.float().transpose(1, 2), targets, reduction="none")
    return (each * mask).sum() / mask.sum()


@torch.no_grad()
def exact_match(model, examples):
    """The share of prompts whose greedy continuation is the answer."""
    model.eval()
    hits = 0
    for length in range(SHORTEST, LONGEST + 1):
        chosen = [(prompt, answer) for prompt, answer in examples if len(prompt) == length + 1]
        tokens = torch.stack([prompt for prompt, _ in chosen])
        for _ in range(length + 1):
            tokens = torch.cat([tokens, model(tokens)[:, -1].argmax(dim=-1, keepdim=True)], dim=1)
        answers = torch.stack([answer for _, answer in chosen])
        hits += (tokens[:, length + 1 :] == answers).all(dim=1).sum().item()
    return hits / len(examples)


torch.manual_seed(0)
train, test = [example() for _ in range(9000)], [example() for _ in range(400)]
model = GPT()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
epochs, size = 2, 64
loader = DataLoader(train, batch_size=size, shuffle=True, collate_fn=collate, drop_last=True)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=epochs * len(loader))
step = 0
for epoch in range(epochs):
    for tokens, mask in loader:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(tokens[:, :-1])
        targets = tokens[:, 1:]
        loss = answer_loss(logits, targets, mask[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        step += 1
        if step % 60 == 0:
            print(f"step {step}: loss {loss.item():.4f}")
print(f"exact match {exact_match(model, test):.4f}")
