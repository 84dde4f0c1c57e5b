import math
from dataclasses import dataclass

import torch
import torch.nn as nn


@dataclass
class Config:
    vocab: int = 10
    length: int = 8
    d_model: int = 64
    nhead: int = 4
    layers: int = 2
    batch: int = 64
    lr: float = 2e-2
    steps: int = 520
    seed: int = 0


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=64):
        super().__init__()
        pos = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
        pe = torch.zeros(max_len, d_model)
        pe[:, 0::2] = torch.sin(pos * div)
        pe[:, 1::2] = torch.cos(pos * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[: x.size(1)]


class TransformerReconstruct(nn.Module):
    def __init__(self, cfg: Config):
        super().__init__()
        self.embed = nn.Embedding(cfg.vocab, cfg.d_model)
        self.pos = PositionalEncoding(cfg.d_model)
        layer = nn.TransformerEncoderLayer(cfg.d_model, cfg.nhead, 128, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, cfg.layers)
        self.decoder = nn.Linear(cfg.d_model, cfg.vocab)
        self.src_mask = None

    def forward(self, src):
        if self.src_mask is None or self.src_mask.size(0) != src.size(1):
            self.src_mask = nn.Transformer.generate_square_subsequent_mask(src.size(1))
        h = self.pos(self.embed(src))
        h = self.encoder(h, mask=self.src_mask)
        return self.decoder(h)


class Trainer:
    def __init__(self, cfg):
        torch.manual_seed(cfg.seed)
        self.cfg = cfg
        self.model = TransformerReconstruct(cfg)
        self.opt = torch.optim.Adam(self.model.parameters(), lr=cfg.lr)
        self.crit = nn.CrossEntropyLoss()

    def sample(self):
        src = torch.randint(0, self.cfg.vocab, (self.cfg.batch, self.cfg.length))
        return src, src.flip(1)

    def run(self):
        self.model.train()
        for step in range(self.cfg.steps):
            src, tgt = self.sample()
            logits = self.model(src)
            loss = self.crit(logits.reshape(-1, self.cfg.vocab), tgt.reshape(-1))
            self.opt.zero_grad()
            loss.backward()
            self.opt.step()
            if step % 50 == 0:
                print(f"step {step:4d} loss {loss.item():.4f}")
        self.model.eval()
        with torch.no_grad():
            src, tgt = self.sample()
            acc = (self.model(src).argmax(-1) == tgt).float().mean().item()
        print(f"token accuracy {acc:.3f}")


if __name__ == "__main__":
    Trainer(Config()).run()
