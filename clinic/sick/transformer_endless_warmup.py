"""A small transformer encoder that says which token occurs most often.

Fault: schedule
Fix: let the warm-up end within the run: warmup_steps = 40 instead of 10000 (the run has 360 steps)
"""

from dataclasses import dataclass

import torch
import torch.nn as nn


@dataclass
class TrainConfig:
    vocab: int = 5
    seq_len: int = 12
    d_model: int = 32  # clinic: 32 | 48
    n_heads: int = 4
    n_layers: int = 1
    batch_size: int = 48
    max_steps: int = 360
    peak_lr: float = 3e-3  # clinic: 3e-3 | 2e-3
    warmup_steps: int = 10_000


class MajorityModel(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.tok = nn.Embedding(cfg.vocab, cfg.d_model)
        self.pos = nn.Parameter(torch.randn(cfg.seq_len, cfg.d_model) * 0.02)
        layer = nn.TransformerEncoderLayer(cfg.d_model, cfg.n_heads, dim_feedforward=2 * cfg.d_model, dropout=0.0, batch_first=True)  # clinic: dropout=0.0, batch_first=True | dropout=0.0, batch_first=True, norm_first=True
        self.encoder = nn.TransformerEncoder(layer, cfg.n_layers, enable_nested_tensor=False)
        self.out = nn.Linear(cfg.d_model, cfg.vocab)

    def forward(self, tokens):
        h = self.encoder(self.tok(tokens) + self.pos)
        return self.out(h.mean(dim=1))


def sample_batch(cfg, generator):
    favourite = torch.randint(cfg.vocab, (cfg.batch_size, 1), generator=generator)
    noise = torch.randint(cfg.vocab, (cfg.batch_size, cfg.seq_len), generator=generator)
    keep = torch.rand(cfg.batch_size, cfg.seq_len, generator=generator) < 0.35
    tokens = torch.where(keep, favourite, noise)
    counts = nn.functional.one_hot(tokens, cfg.vocab).sum(1)
    return tokens, counts.argmax(dim=1)


def main():
    cfg = TrainConfig()
    torch.manual_seed(1234)
    gen = torch.Generator().manual_seed(99)
    model = MajorityModel(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.peak_lr, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / cfg.warmup_steps))

    avg_loss = avg_acc = 0.0
    for step in range(1, cfg.max_steps + 1):
        tokens, answer = sample_batch(cfg, gen)
        logits = model(tokens)
        loss = nn.functional.cross_entropy(logits, answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        avg_loss += loss.item() / 40
        avg_acc += (logits.argmax(-1) == answer).float().mean().item() / 40
        if step % 40 == 0:
            print(f"step {step}: loss {avg_loss:.4f} acc {avg_acc:.3f}")
            avg_loss = avg_acc = 0.0


if __name__ == "__main__":
    main()
