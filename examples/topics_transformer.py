"""A character-level transformer that learns to write like the Python language reference."""

import math
from dataclasses import dataclass
from pydoc_data.topics import topics

import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Config:
    block_size: int = 48
    batch_size: int = 24
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 64
    dropout: float = 0.0
    max_steps: int = 400
    warmup_steps: int = 40
    learning_rate: float = 6e-3
    weight_decay: float = 0.1
    grad_clip: float = 1.0
    seed: int = 0


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.qkv = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = nn.Sequential(
            nn.Linear(config.n_embd, 4 * config.n_embd),
            nn.GELU(),
            nn.Linear(4 * config.n_embd, config.n_embd),
        )
        self.drop = nn.Dropout(config.dropout)

    def attention(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_head, C // self.n_head).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(B, T, C))

    def forward(self, x):
        x = x + self.drop(self.attention(self.ln_1(x)))
        return x + self.drop(self.mlp(self.ln_2(x)))


class CharTransformer(nn.Module):
    def __init__(self, vocab_size, config):
        super().__init__()
        self.wte = nn.Embedding(vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.blocks = nn.Sequential(*(Block(config) for _ in range(config.n_layer)))
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, vocab_size, bias=False)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.05)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, idx, targets):
        pos = torch.arange(idx.size(1), device=idx.device)
        x = self.ln_f(self.blocks(self.wte(idx) + self.wpe(pos)))
        logits = self.head(x)
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def load_text():
    text = "\n".join(topics[key] for key in sorted(topics))
    chars = sorted(set(text))
    stoi = {c: i for i, c in enumerate(chars)}
    data = torch.tensor([stoi[c] for c in text])
    split = int(0.9 * len(data))
    return data[:split], data[split:], len(chars)


def get_batch(data, config):
    starts = torch.randint(len(data) - config.block_size, (config.batch_size,))
    window = data[starts[:, None] + torch.arange(config.block_size + 1)]
    return window[:, :-1], window[:, 1:]


@torch.no_grad()
def estimate(model, data, config, batches=10):
    model.eval()
    total, hits = 0.0, 0.0
    for _ in range(batches):
        x, y = get_batch(data, config)
        logits, loss = model(x, y)
        total += loss.item()
        hits += (logits.argmax(-1) == y).float().mean().item()
    model.train()
    return total / batches, hits / batches


def main(config):
    torch.manual_seed(config.seed)
    train_data, val_data, vocab_size = load_text()
    model = CharTransformer(vocab_size, config)
    decay = [p for p in model.parameters() if p.dim() >= 2]
    no_decay = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": config.weight_decay}, {"params": no_decay, "weight_decay": 0.0}],
        lr=config.learning_rate,
        betas=(0.9, 0.99),
    )

    def lr_lambda(step):
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        progress = (step - config.warmup_steps) / (config.max_steps - config.warmup_steps)
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda)
    for step in range(config.max_steps):
        x, y = get_batch(train_data, config)
        _, loss = model(x, y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        optimizer.step()
        scheduler.step()
        if step % 40 == 0:
            print(f"step {step:4d}: loss {loss.item():.3f}, grad norm {norm.item():.2f}")

    train_loss, train_acc = estimate(model, train_data, config)
    val_loss, val_acc = estimate(model, val_data, config)
    print(f"train loss {train_loss:.3f}, next-character accuracy {train_acc:.3f}")
    print(f"val   loss {val_loss:.3f}, next-character accuracy {val_acc:.3f}")


if __name__ == "__main__":
    main(Config())
