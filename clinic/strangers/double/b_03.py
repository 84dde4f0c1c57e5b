import argparse
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

PAD, CLS, CART, COUPON, SEARCH = 0, 1, 2, 3, 4
VOCAB = 16


@dataclass
class Config:
    d_model: int = 32
    heads: int = 4
    layers: int = 2
    max_len: int = 20
    batch: int = 64
    epochs: int = 8
    lr: float = 3e-3
    n_train: int = 2800
    n_test: int = 800


class Sessions(Dataset):
    """Click sessions. Class = 2 * (cart opened before coupon) + (searched at least twice)."""

    def __init__(self, n, seed):
        rs = np.random.RandomState(seed)
        self.items = []
        for _ in range(n):
            length = rs.randint(6, 17)
            seq = rs.randint(5, VOCAB, size=length)
            spots = rs.permutation(length)
            seq[spots[0]], seq[spots[1]] = CART, COUPON
            n_search = rs.randint(0, 4)
            seq[spots[2:2 + n_search]] = SEARCH
            label = 2 * int(spots[0] < spots[1]) + int(n_search >= 2)
            self.items.append((torch.from_numpy(seq).long(), label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def make_collate(max_len):
    def collate(batch):
        ids = torch.full((len(batch), max_len), PAD, dtype=torch.long)
        ids[:, 0] = CLS
        for row, (seq, _) in enumerate(batch):
            ids[row, 1:1 + len(seq)] = seq
        mask = ids != PAD
        return ids, mask, torch.tensor([b[1] for b in batch])
    return collate


class PositionalEncoding(nn.Module):
    def __init__(self, d_model, max_len=500):
        super().__init__()
        pos = torch.arange(max_len).unsqueeze(1)
        div = torch.exp(torch.arange(0, d_model, 2) * (-math.log(100.0) / d_model))
        pe = torch.zeros(max_len, 1, d_model)
        pe[:, 0, 0::2] = torch.sin(pos * div)
        pe[:, 0, 1::2] = torch.cos(pos * div)
        self.register_buffer("pe", pe)

    def forward(self, x):
        return x + self.pe[:x.size(0)]


class SessionEncoder(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, cfg.d_model, padding_idx=PAD)
        self.pos = PositionalEncoding(cfg.d_model)
        layer = nn.TransformerEncoderLayer(cfg.d_model, cfg.heads, 64, dropout=0.0,
                                           batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, cfg.layers, enable_nested_tensor=False)
        self.out = nn.Sequential(nn.LayerNorm(cfg.d_model), nn.Linear(cfg.d_model, 4))

    def forward(self, ids, mask):
        h = self.pos(self.embed(ids))
        h = self.encoder(h, src_key_padding_mask=mask)
        return self.out(h[:, 0])


def accuracy(model, loader):
    model.eval()
    hit = n = 0
    with torch.no_grad():
        for ids, mask, y in loader:
            hit += (model(ids, mask).argmax(1) == y).sum().item()
            n += len(y)
    return hit / n


def main():
    cfg = Config()
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=cfg.epochs)
    ap.add_argument("--lr", type=float, default=cfg.lr)
    args = ap.parse_args()
    cfg.epochs, cfg.lr = args.epochs, args.lr
    torch.manual_seed(0)
    np.random.seed(0)

    collate = make_collate(cfg.max_len)
    train = DataLoader(Sessions(cfg.n_train, 1), cfg.batch, shuffle=True, collate_fn=collate)
    test = DataLoader(Sessions(cfg.n_test, 2), cfg.batch, collate_fn=collate)
    model = SessionEncoder(cfg)
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, cfg.lr, total_steps=cfg.epochs * len(train))
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(1, cfg.epochs + 1):
        model.train()
        total = 0.0
        for ids, mask, y in train:
            loss = loss_fn(model(ids, mask), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            sched.step()
            total += loss.item()
        if epoch % 2 == 0:
            print(f"[{epoch:02d}] loss={total / len(train):.4f}")
    print("test accuracy:", round(accuracy(model, test), 4))


if __name__ == "__main__":
    main()
