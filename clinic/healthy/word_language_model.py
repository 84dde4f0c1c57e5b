"""LSTM language model over a small made-up grammar, after PyTorch's word_language_model example.

Fault: none
Looks like: instability from a rate of 20 and clipping_too_hard at 0.25; with the per-token mean loss the gradients are tiny, and this pair is the usual recipe for this kind of model.
Metric: ppl, lower is better; 202.8 without learning
"""

import math
import random

import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(1111)  # clinic: seed(1111) | seed(7)


def sentence():
    v = random.randrange(40)
    adjective = [f"adj{(v + random.randrange(4)) % 40}"] if random.random() < 0.5 else []
    noun = f"noun{(2 * v + random.randrange(5)) % 80}"
    return [f"name{random.randrange(40)}", f"verb{v}", "the", *adjective, noun, "<eos>"]


text = [w for _ in range(9000) for w in sentence()]
vocab = {w: i for i, w in enumerate(sorted(set(text)))}
ids = torch.tensor([vocab[w] for w in text])


def batchify(data, bsz):
    return data[: data.size(0) // bsz * bsz].view(bsz, -1).t().contiguous()


train_data = batchify(ids[:44000], 20)
val_data = batchify(ids[44000:], 20)


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nhid, dropout=0.2):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid)
        self.decoder = nn.Linear(nhid, ntoken)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)

    def forward(self, x, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(x)), hidden)
        return self.decoder(self.drop(output)).view(-1, self.decoder.out_features), hidden


bptt = 20
model = RNNModel(len(vocab), 100, 100)  # clinic: 100, 100) | 64, 128)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=20)
best = float("inf")
for epoch in range(1, 5):
    model.train()
    hidden, total, count = None, 0.0, 0
    for i in range(0, train_data.size(0) - 1 - bptt, bptt):
        if hidden is not None:
            hidden = tuple(h.detach() for h in hidden)
        optimizer.zero_grad()
        output, hidden = model(train_data[i : i + bptt], hidden)
        loss = criterion(output, train_data[i + 1 : i + 1 + bptt].reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()
        total, count = total + loss.item(), count + 1
    model.eval()
    with torch.no_grad():
        val_loss = criterion(model(val_data[:-1], None)[0], val_data[1:].reshape(-1)).item()
    print(f"| {epoch} | train loss {total / count:.3f} | valid loss {val_loss:.3f} | ppl {math.exp(val_loss):.2f}")
    if val_loss < best:
        best = val_loss
    else:
        for group in optimizer.param_groups:
            group["lr"] /= 4.0
