# Character-level GRU that learns to write shop orders.
import json
import math
import random
import re
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn as nn
import torch.nn.functional as F

cfg = SimpleNamespace(**json.loads(Path(__file__).with_name("char_gru_config.json").read_text()))
torch.manual_seed(cfg.seed)
random.seed(cfg.seed)

COLOURS = "green red yellow purple white".split()
GOODS = "apple carrot onion plum radish turnip".split()
NAMES = "anna bertrand chloe dimitri elsa farid".split()
DAYS = "monday tuesday thursday saturday".split()


def order():
    n = random.randint(1, 4)
    goods = random.choice(GOODS) + ("s" if n > 1 else "")
    return f"{n} {goods}, {random.choice(COLOURS)}, for {random.choice(NAMES)} on {random.choice(DAYS)}\n"


VALID = re.compile("(1 ({g})|[2-4] ({g})s), ({c}), for ({n}) on ({d})".format(
    c="|".join(COLOURS), g="|".join(GOODS), n="|".join(NAMES), d="|".join(DAYS)))

lines = [order() for _ in range(cfg.lines)]
vocab = sorted(set("".join(lines)))
stoi = {c: i for i, c in enumerate(vocab)}
cut = int(0.9 * len(lines))
train_data, val_data = (torch.tensor([stoi[c] for c in "".join(part)]) for part in (lines[:cut], lines[cut:]))


def get_batch(data):
    ix = torch.randint(len(data) - cfg.block_size - 1, (cfg.batch_size,))
    xy = torch.stack([data[i:i + cfg.block_size + 1] for i in ix])
    return xy[:, :-1], xy[:, 1:]


class CharGRU(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(len(vocab), cfg.embed)
        self.gru = nn.GRU(cfg.embed, cfg.hidden, batch_first=True)
        self.out = nn.Linear(cfg.hidden, len(vocab))

    def forward(self, x, h=None):
        y, h = self.gru(self.emb(x), h)
        return self.out(y), h


@torch.no_grad()
def write(model, n):
    x, h, texts = torch.full((n, 1), stoi["\n"]), None, [""] * n
    for _ in range(60):
        logits, h = model(x, h)
        x = torch.multinomial(torch.softmax(logits[:, -1], -1), 1)
        texts = [t + vocab[i] for t, i in zip(texts, x[:, 0].tolist())]
    return [t.split("\n")[0] for t in texts]


def valid_fraction(model, n=300):
    return sum(VALID.fullmatch(t) is not None for t in write(model, n)) / n


@torch.no_grad()
def val_loss(model, k=10):
    batches = [get_batch(val_data) for _ in range(k)]
    return sum(F.cross_entropy(model(x)[0].flatten(0, 1), y.flatten()).item() for x, y in batches) / k


model = CharGRU()
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
lr = cfg.lr
floor = math.log(4 * 5 * 6 * 6 * 4) * cfg.lines / sum(map(len, lines))
print(f"source entropy {floor:.3f} nats/char; untrained: val loss {val_loss(model):.3f}, "
      f"valid lines {valid_fraction(model):.3f}")
for it in range(1, cfg.max_iters + 1):
    if it in cfg.lr_drops:
        lr *= cfg.lr_drop_factor
        for group in optimizer.param_groups:
            group["lr"] = lr
    x, y = get_batch(train_data)
    loss = F.cross_entropy(model(x)[0].flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), cfg.grad_clip)
    optimizer.step()
    if it % 100 == 0:
        print(f"iter {it:4d}  lr {lr:.2e}  train {loss.item():.3f}  val {val_loss(model):.3f}")
print("\n".join(write(model, 3)))
print(f"final val loss {val_loss(model, 30):.3f}, valid lines {valid_fraction(model):.3f}")
