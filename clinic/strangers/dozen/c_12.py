"""BIO tagging of entity spans with a BiLSTM over padded batches."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

SEED = 9
TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]
PAD_TAG = -1
VOCAB = 60          # 0 = padding, 1-4 = trigger words, the rest ordinary words
TITLE, FIRM_END, SAID, THE = 1, 2, 3, 4


def make_sentence(rng):
    """TITLE starts a person (2-3 words follow); a run of capital words closed by FIRM_END is a company."""
    words, tags = [], []
    while len(words) < rng.integers(8, 22):
        kind = rng.random()
        if kind < 0.25:
            n = rng.integers(1, 4)
            words += [TITLE] + list(rng.integers(5, 35, size=n)) + [SAID]
            tags += [0, 1] + [2] * (n - 1) + [0]
        elif kind < 0.5:
            n = rng.integers(1, 4)
            words += [THE] + list(rng.integers(5, 35, size=n)) + [FIRM_END]
            tags += [0, 3] + [4] * n
        elif kind < 0.7:
            n = rng.integers(1, 4)
            words += [THE] + list(rng.integers(5, 35, size=n)) + [SAID]
            tags += [0] * (n + 2)
        else:
            words += list(rng.integers(35, VOCAB, size=rng.integers(1, 4)))
            tags += [0] * (len(words) - len(tags))
    # typos: some words come out as a random ordinary word
    words = [int(rng.integers(5, VOCAB)) if rng.random() < 0.04 else int(w) for w in words]
    return torch.tensor(words), torch.tensor(tags)


class Sentences(Dataset):
    def __init__(self, n, rng):
        self.items = [make_sentence(rng) for _ in range(n)]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    words, tags = zip(*batch)
    lengths = torch.tensor([len(w) for w in words])
    return (pad_sequence(words, batch_first=True, padding_value=0),
            pad_sequence(tags, batch_first=True, padding_value=PAD_TAG), lengths)


class Tagger(nn.Module):
    def __init__(self, dim=24, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True, enforce_sorted=False)
        h, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(h)


@torch.no_grad()
def macro_f1(model, loader):
    model.eval()
    gold, guess = [], []
    for words, tags, lengths in loader:
        pred = model(words, lengths).argmax(-1)
        keep = tags != PAD_TAG
        gold.append(tags[keep])
        guess.append(pred[keep])
    return f1_score(torch.cat(gold), torch.cat(guess), average="macro", zero_division=0)


torch.set_num_threads(1)
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
train_loader = DataLoader(Sentences(700, rng), batch_size=32, shuffle=True, collate_fn=collate)
test_loader = DataLoader(Sentences(300, rng), batch_size=100, collate_fn=collate)

model = Tagger()
criterion = nn.CrossEntropyLoss(ignore_index=PAD_TAG)
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.4)

for epoch in range(6):
    model.train()
    total = 0.0
    for words, tags, lengths in train_loader:
        optimizer.zero_grad()
        logits = model(words, lengths)
        loss = criterion(logits.transpose(1, 2), tags)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / len(train_loader):.4f}")

print(f"test macro F1: {macro_f1(model, test_loader):.4f}")
