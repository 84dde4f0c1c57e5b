import torch
import torch.nn as nn

torch.manual_seed(1111)

text = ("it was the best of times it was the worst of times it was the age of wisdom "
        "it was the age of foolishness it was the epoch of belief it was the epoch of incredulity "
        "it was the season of light it was the season of darkness it was the spring of hope "
        "it was the winter of despair ") * 24
chars = sorted(set(text))
ids = torch.tensor([chars.index(c) for c in text])

BSZ, BPTT, CLIP, LR = 20, 20, 0.25, 20.0
cols = len(ids) // BSZ
stream = ids[:cols * BSZ].view(BSZ, cols).t().contiguous()


class CharRNN(nn.Module):
    def __init__(self, ntok, nemb=24, nhid=64):
        super().__init__()
        self.emb = nn.Embedding(ntok, nemb)
        self.rnn = nn.LSTM(nemb, nhid)
        self.dec = nn.Linear(nhid, ntok)
        nn.init.uniform_(self.emb.weight, -0.1, 0.1)
        nn.init.uniform_(self.dec.weight, -0.1, 0.1)
        nn.init.zeros_(self.dec.bias)

    def forward(self, x, h):
        o, h = self.rnn(self.emb(x), h)
        return self.dec(o), h


model = CharRNN(len(chars))
opt = torch.optim.SGD(model.parameters(), lr=LR)
crit = nn.CrossEntropyLoss()

for epoch in range(1, 26):
    h, total, steps = None, 0.0, 0
    for i in range(0, cols - 1, BPTT):
        n = min(BPTT, cols - 1 - i)
        src, tgt = stream[i:i + n], stream[i + 1:i + 1 + n]
        if h is not None:
            h = tuple(v.detach() for v in h)
        opt.zero_grad()
        out, h = model(src, h)
        loss = crit(out.flatten(0, 1), tgt.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        opt.step()
        total += loss.item()
        steps += 1
    print("epoch %2d | lr %.1f | loss %.3f | ppl %.2f" % (epoch, LR, total / steps, 2.718281828 ** (total / steps)))
