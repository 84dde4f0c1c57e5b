"""Tags words of synthetic sentences with a bidirectional LSTM.

Field: sequence tagging
Metric: token accuracy, higher is better; 0.3024 without learning
"""

import random

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(0)
random.seed(0)

TAGS = ["DET", "ADJ", "NOUN", "VERB", "PREP"]
NOUNS = [f"noun{i}" for i in range(15)]
VERBS = [f"verb{i}" for i in range(10)]
ADJS = [f"adj{i}" for i in range(10)]
BOTH = [f"walk{i}" for i in range(20)]  # noun after a determiner or an adjective, verb otherwise
SHADES = [f"light{i}" for i in range(10)]  # adjective before a noun, noun before anything else


def noun_phrase():
    """Draws a determiner, maybe an adjective, and a noun."""
    words = [("the" if random.random() < 0.5 else "a", "DET")]
    if random.random() < 0.6:
        words.append((random.choice(ADJS + SHADES), "ADJ"))
    words.append((random.choice(NOUNS + BOTH + SHADES), "NOUN"))
    return words


def sentence():
    """Draws a subject, a verb, maybe an object and maybe a place."""
    words = noun_phrase() + [(random.choice(VERBS + BOTH), "VERB")]
    if random.random() < 0.6:
        words += noun_phrase()
    if random.random() < 0.4:
        words += [(random.choice(["in", "on", "near"]), "PREP")] + noun_phrase()
    return words


sentences = [sentence() for _ in range(1900)]
vocabulary = {word: i + 1 for i, word in enumerate(sorted({w for s in sentences for w, _ in s}))}
IGNORE = -100


def collate(batch):
    """Pads words with 0 and tags with the ignored index."""
    words = [torch.tensor([vocabulary[w] for w, _ in s]) for s in batch]
    tags = [torch.tensor([TAGS.index(t) for _, t in s]) for s in batch]
    lengths = torch.tensor([len(s) for s in batch])
    return pad_sequence(words, batch_first=True), pad_sequence(tags, batch_first=True, padding_value=IGNORE), lengths


class Tagger(nn.Module):
    """Embedding, bidirectional LSTM, one linear layer per word."""

    def __init__(self, embedding=32, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(len(vocabulary) + 1, embedding, padding_idx=0)
        self.dropout = nn.Dropout(0.2)
        self.lstm = nn.LSTM(embedding, hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, words, lengths):
        """Gives logits: (batch, words, tags)."""
        x = self.dropout(self.embedding(words))
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.linear(self.dropout(states))


train_loader = DataLoader(sentences[:1500], batch_size=50, shuffle=True, collate_fn=collate)
test_loader = DataLoader(sentences[1500:], batch_size=100, collate_fn=collate)
model = Tagger()
criterion = nn.CrossEntropyLoss(ignore_index=IGNORE)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(7):
    model.train()
    total = 0.0
    for words, tags, lengths in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(words, lengths).flatten(0, 1), tags.flatten())
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}, loss {total / len(train_loader):.4f}")

model.eval()
right = seen = 0
with torch.no_grad():
    for words, tags, lengths in test_loader:
        guess = model(words, lengths).argmax(dim=-1)
        real = words != 0
        right += ((guess == tags) & real).sum().item()
        seen += real.sum().item()
print(f"token accuracy {right / seen:.4f}")
