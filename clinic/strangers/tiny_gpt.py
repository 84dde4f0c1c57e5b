import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1337)

WORDS = ("amber birch cedar daisy ember fjord grove hazel iris jade kelp lotus maple "
         "north olive pearl quartz raven sage thorn umber violet willow yarrow zephyr").split()
g = torch.Generator().manual_seed(0)
idx = torch.randint(0, len(WORDS), (8000,), generator=g).tolist()
text = " ".join(WORDS[i] for i in idx)
alphabet = sorted(set(text))
enc = {c: i for i, c in enumerate(alphabet)}
data = torch.tensor([enc[c] for c in text])
split = int(0.9 * len(data))
train_data, val_data = data[:split], data[split:]

block, bs, dim, heads, layers = 32, 32, 64, 4, 2


def batch(src):
    i = torch.randint(len(src) - block - 1, (bs,))
    x = torch.stack([src[k:k + block] for k in i])
    y = torch.stack([src[k + 1:k + block + 1] for k in i])
    return x, y


class TinyGPT(nn.Module):
    def __init__(self, vocab):
        super().__init__()
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Embedding(block, dim)
        layer = nn.TransformerEncoderLayer(dim, heads, 4 * dim, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab)

    def forward(self, x):
        T = x.size(1)
        h = self.tok(x) + self.pos(torch.arange(T))
        h = self.blocks(h)
        return self.head(self.norm(h))


@torch.no_grad()
def generate(model, n):
    model.eval()
    x = torch.tensor([[enc[" "]]])
    for _ in range(n):
        logits = model(x[:, -block:])[:, -1]
        x = torch.cat([x, torch.multinomial(F.softmax(logits, -1), 1)], 1)
    model.train()
    return "".join(alphabet[i] for i in x[0].tolist())


model = TinyGPT(len(alphabet))
opt = torch.optim.AdamW(model.parameters(), lr=2e-3)

for it in range(301):
    x, y = batch(train_data)
    logits = model(x)
    loss = F.cross_entropy(logits.view(-1, len(alphabet)), y.view(-1))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if it % 50 == 0:
        with torch.no_grad():
            vx, vy = batch(val_data)
            vl = F.cross_entropy(model(vx).view(-1, len(alphabet)), vy.view(-1))
        print(f"iter {it}: train {loss.item():.4f} val {vl.item():.4f}")

out = generate(model, 300)
print(out)
ws = out.split()[1:-1]
print("real words: %.2f" % (sum(w in WORDS for w in ws) / max(1, len(ws))))
