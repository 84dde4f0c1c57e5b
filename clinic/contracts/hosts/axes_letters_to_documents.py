"""Classifies short documents with a hierarchy of two bidirectional GRUs, letters to words and words to documents.

Field: text classification
Metric: test accuracy, higher is better; 0.25 without learning
"""

import random
import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.data import DataLoader, Dataset

LETTERS = 12  # the letter 0 is padding


class Documents(Dataset):
    """Lists of words; the label tells how the first word begins and how the last one ends."""

    def __init__(self, n, seed):
        draw = random.Random(seed)
        self.items = []
        for _ in range(n):
            words = [[draw.randint(1, LETTERS) for _ in range(draw.randint(2, 5))] for _ in range(draw.randint(2, 6))]
            label = 2 * (words[0][0] > LETTERS // 2) + (words[-1][-1] > LETTERS // 2)
            self.items.append((words, label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    """Pads letters with 0; a padded word counts as one letter long."""
    documents, labels = zip(*batch)
    most = max(len(words) for words in documents)
    longest = max(len(word) for words in documents for word in words)
    letters = torch.zeros(len(batch), most, longest, dtype=torch.long)
    letter_counts = torch.ones(len(batch), most, dtype=torch.long)
    for i, words in enumerate(documents):
        for j, word in enumerate(words):
            letters[i, j, : len(word)] = torch.tensor(word)
            letter_counts[i, j] = len(word)
    word_counts = torch.tensor([len(words) for words in documents])
    return letters, letter_counts, word_counts, torch.tensor(labels)


class Hierarchy(nn.Module):
    """Encodes words from their letters and documents from their words."""

    def __init__(self, width=32):
        super().__init__()
        self.embedding = nn.Embedding(LETTERS + 1, 16, padding_idx=0)
        self.word_rnn = nn.GRU(16, width, batch_first=True, bidirectional=True)
        self.document_rnn = nn.GRU(2 * width, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, 4)

    def forward(self, letters, letter_counts, word_counts):
        """Gives logits: (batch, 4)."""
        b, w, _ = letters.shape
        x = self.embedding(letters).flatten(0, 1)
        packed = pack_padded_sequence(x, letter_counts.flatten(), batch_first=True, enforce_sorted=False)
        _, states = self.word_rnn(packed)
        words = torch.cat([states[0], states[1]], dim=1).view(b, w, -1)
        packed = pack_padded_sequence(words, word_counts, batch_first=True, enforce_sorted=False)
        _, final = self.document_rnn(packed)
        return self.head(torch.cat([final[0], final[1]], dim=1))


@torch.no_grad()
def accuracy(model, loader):
    """Share of right labels."""
    model.eval()
    hits = [(model(*inputs).argmax(dim=1) == labels).float() for *inputs, labels in loader]
    return torch.cat(hits).mean().item()


torch.manual_seed(0)
train_loader = DataLoader(Documents(2000, 1), batch_size=50, shuffle=True, collate_fn=collate)
valid_loader = DataLoader(Documents(300, 2), batch_size=100, collate_fn=collate)
test_loader = DataLoader(Documents(600, 3), batch_size=100, collate_fn=collate)
model = Hierarchy()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
best = 0.0

with tempfile.TemporaryDirectory() as folder:
    checkpoint = Path(folder) / "best.pt"
    for epoch in range(6):
        model.train()
        for *inputs, labels in train_loader:
            loss = criterion(model(*inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        score = accuracy(model, valid_loader)
        if score >= best:
            best = score
            torch.save(model.state_dict(), checkpoint)
        print(f"epoch {epoch + 1}: loss {loss.item():.4f} validation {score:.3f}")
    model.load_state_dict(torch.load(checkpoint))
print(f"test accuracy {accuracy(model, test_loader):.4f}")
