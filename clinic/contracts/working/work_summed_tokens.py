"""Tags the words of sentences of very different lengths with a GRU.

Field: sequence labelling
Metric: tag accuracy, higher is better; 0.2 without learning
On purpose: the losses of micro-batches are summed; the gradients are divided by the number of words before the step.
Source: https://github.com/meta-pytorch/torchtune/pull/1917
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(0)

WORDS, TAGS, PAD = 40, 5, -100
kind = torch.randint(TAGS, (WORDS,))


def sentence():
    """Draws words; the tag of a word is its own kind, moved by that of the word before it."""
    words = torch.randint(WORDS, (int(torch.randint(2, 31, ())),))
    before = torch.cat([torch.zeros(1, dtype=torch.long), kind[words[:-1]]])
    return words, (kind[words] + before) % TAGS


def collate(items):
    """Pads words with zeros and tags with a value that the loss ignores."""
    words, tags = zip(*items)
    return pad_sequence(words, batch_first=True), pad_sequence(tags, batch_first=True, padding_value=PAD)


class Tagger(nn.Module):
    """Embedding, GRU, linear."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(WORDS, 24)
        self.gru = nn.GRU(24, 48, batch_first=True)
        self.out = nn.Linear(48, TAGS)

    def forward(self, words):
        """Logits of the tags."""
        return self.out(self.gru(self.embed(words))[0])


train, test = [sentence() for _ in range(1600)], [sentence() for _ in range(300)]
loader = DataLoader(train, batch_size=8, shuffle=True, collate_fn=collate)
model = Tagger()
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
ACCUMULATE = 4

for epoch in range(1, 6):
    n_words, running, seen = 0, 0.0, 0
    for step, (words, tags) in enumerate(loader, start=1):
        loss = F.cross_entropy(model(words).flatten(0, 1), tags.flatten(), ignore_index=PAD, reduction="sum")
        loss.backward()
        n_words += int((tags != PAD).sum())
        running += loss.item()
        if step % ACCUMULATE == 0 or step == len(loader):
            for p in model.parameters():
                p.grad.div_(n_words)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            seen, n_words = seen + n_words, 0
    print(f"epoch {epoch}: loss {running / seen:.4f}")

right = total = 0
with torch.no_grad():
    for words, tags in DataLoader(test, batch_size=100, collate_fn=collate):
        real = tags != PAD
        right += int((model(words).argmax(dim=-1)[real] == tags[real]).sum())
        total += int(real.sum())
print(f"tag accuracy {right / total:.4f}")
