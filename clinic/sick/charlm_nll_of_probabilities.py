"""Character-level language model on a nursery rhyme.

Fault: output_loss_mismatch
Fix: use log_softmax instead of softmax in forward: NLLLoss expects log-probabilities
"""
import torch
import torch.nn as nn

TEXT = """the house that jack built
this is the malt that lay in the house that jack built
this is the rat that ate the malt that lay in the house that jack built
this is the cat that killed the rat that ate the malt that lay in the house that jack built
this is the dog that worried the cat that killed the rat that ate the malt
this is the cow with the crumpled horn that tossed the dog that worried the cat
"""

chars = sorted(set(TEXT))
stoi = {c: i for i, c in enumerate(chars)}
ids = torch.tensor([stoi[c] for c in TEXT])


class CharLM(nn.Module):
    def __init__(self, n_chars, emb=16, hidden=64):  # clinic: hidden=64 | hidden=48
        super().__init__()
        self.emb = nn.Embedding(n_chars, emb)
        self.rnn = nn.GRU(emb, hidden, batch_first=True)  # clinic: nn.GRU | nn.LSTM
        self.out = nn.Linear(hidden, n_chars)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, x, state=None):
        h, state = self.rnn(self.emb(x), state)
        return self.softmax(self.out(h)), state


def random_batch(block=24, batch=16):
    starts = torch.randint(0, len(ids) - block - 1, (batch,))
    x = torch.stack([ids[s : s + block] for s in starts])
    y = torch.stack([ids[s + 1 : s + block + 1] for s in starts])
    return x, y


torch.manual_seed(1)
model = CharLM(len(chars))
criterion = nn.NLLLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)  # clinic: lr=0.5 | lr=0.3

for it in range(1, 301):
    x, y = random_batch()
    output, _ = model(x)
    loss = criterion(output.reshape(-1, len(chars)), y.reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 50 == 0:
        correct = (output.argmax(-1) == y).float().mean().item()
        print(f"iter {it}: loss {loss.item():.4f}, next-char accuracy {correct:.3f}")

context, state, sample = torch.tensor([[stoi["t"]]]), None, "t"
with torch.no_grad():
    for _ in range(60):
        output, state = model(context, state)
        context = output[:, -1].argmax(dim=-1, keepdim=True)
        sample += chars[context.item()]
print(sample)
