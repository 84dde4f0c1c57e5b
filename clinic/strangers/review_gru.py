import random
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

random.seed(0)
torch.manual_seed(0)

PAD = 0
GOOD = list(range(1, 16))
POOR = list(range(16, 31))
FILL = list(range(31, 300))
MAX_LEN = 120


def make_review():
    label = random.randint(0, 1)
    words = [random.choice(FILL) for _ in range(random.randint(4, 14))]
    for _ in range(random.randint(1, 3)):
        words.insert(random.randint(0, len(words)), random.choice(GOOD if label else POOR))
    return words, label


class Reviews(Dataset):
    def __init__(self, n):
        self.items = [make_review() for _ in range(n)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    seqs = [torch.tensor(w) for w, _ in batch]
    lengths = torch.tensor([len(s) for s in seqs])
    padded = torch.full((len(seqs), MAX_LEN), PAD)
    for i, s in enumerate(seqs):
        padded[i, :len(s)] = s
    labels = torch.tensor([l for _, l in batch], dtype=torch.float32)
    return padded, lengths, labels


class SentimentGRU(nn.Module):
    def __init__(self, vocab=300, emb=32, hid=64):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb, padding_idx=PAD)
        self.gru = nn.GRU(emb, hid, batch_first=True)
        self.fc = nn.Linear(hid, 1)

    def forward(self, text, lengths):
        out, hidden = self.gru(self.embedding(text))
        return self.fc(hidden[-1]).squeeze(1)


def accuracy(model, loader):
    model.eval()
    good = n = 0
    with torch.no_grad():
        for t, l, y in loader:
            good += ((model(t, l) > 0).float() == y).sum().item()
            n += len(y)
    return good / n


train_loader = DataLoader(Reviews(2000), batch_size=50, shuffle=True, collate_fn=collate)
valid_loader = DataLoader(Reviews(400), batch_size=50, collate_fn=collate)
model = SentimentGRU()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.BCEWithLogitsLoss()

for epoch in range(5):
    model.train()
    running = 0.0
    for text, lengths, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(text, lengths), labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"Epoch {epoch + 1:02} | train loss {running / len(train_loader):.3f} | valid acc {accuracy(model, valid_loader):.3f}")
