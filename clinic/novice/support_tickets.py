"""Sort support messages into: billing / shipping / technical

Fault: no_signal
Fix: Draw one permutation and index both X_train and y_train with it.
"""

# Sort support messages into: billing / shipping / technical
import random
import torch
import torch.nn as nn

random.seed(5)
torch.manual_seed(5)

CLASSES = ["billing", "shipping", "technical"]
openers = ["hello", "hi there", "good morning", "please help", "hey team", "dear support", ""]
closers = ["thanks", "thank you", "please reply soon", "best regards", "asap", ""]
phrases = {
    "billing": ["i was charged twice", "my invoice is wrong", "i want a refund", "the payment failed on my card",
                "cancel my subscription", "the price is different from the invoice"],
    "shipping": ["my package is late", "the order never arrived", "wrong delivery address", "the box was damaged",
                 "where is my parcel", "the tracking number shows nothing"],
    "technical": ["the app crashes on start", "i cannot log in", "the screen is blank", "i get an error message",
                  "the password reset is broken", "the page does not load"],
}


def make_dataset(n):
    texts, labels = [], []
    for i in range(n):
        c = i % 3
        middle = random.sample(phrases[CLASSES[c]], random.choice([1, 2]))
        texts.append(" ".join([random.choice(openers)] + middle + [random.choice(closers)]).split())
        labels.append(c)
    return texts, labels


def build_vocab(texts):
    vocab = {"<pad>": 0, "<unk>": 1}
    for t in texts:
        for w in t:
            if w not in vocab:
                vocab[w] = len(vocab)
    return vocab


def encode(texts, vocab, max_len=20):
    rows = []
    for t in texts:
        ids = [vocab.get(w, 1) for w in t][:max_len]
        rows.append(ids + [0] * (max_len - len(ids)))
    return torch.tensor(rows)


class TextClassifier(nn.Module):
    def __init__(self, vocab_size, emb=32, hidden=32):
        super().__init__()
        self.emb = nn.Embedding(vocab_size, emb, padding_idx=0)
        self.fc1 = nn.Linear(emb, hidden)
        self.fc2 = nn.Linear(hidden, 3)

    def forward(self, ids):
        mask = (ids != 0).float().unsqueeze(-1)
        e = (self.emb(ids) * mask).sum(1) / mask.sum(1)
        return self.fc2(torch.relu(self.fc1(e)))


texts, labels = make_dataset(1600)
vocab = build_vocab(texts)
X = encode(texts, vocab)
y = torch.tensor(labels)
print("vocab size", len(vocab), "examples", len(X))
X_train, y_train = X[:1200], y[:1200]
X_test, y_test = X[1200:], y[1200:]

clf = TextClassifier(len(vocab))
opt = torch.optim.Adam(clf.parameters(), lr=0.002)
criterion = nn.CrossEntropyLoss()

BATCH = 24
for epoch in range(25):
    # shuffle the training data
    X_train = X_train[torch.randperm(len(X_train))]
    y_train = y_train[torch.randperm(len(y_train))]
    total, correct = 0.0, 0
    for i in range(0, len(X_train), BATCH):
        xb, yb = X_train[i:i + BATCH], y_train[i:i + BATCH]
        opt.zero_grad()
        logits = clf(xb)
        loss = criterion(logits, yb)
        loss.backward()
        opt.step()
        total += loss.item() * len(xb)
        correct += (logits.argmax(1) == yb).sum().item()
    print(f"epoch {epoch:2d}  loss {total / len(X_train):.4f}  acc {correct / len(X_train):.3f}")

with torch.no_grad():
    test_logits = clf(X_test)
    print("test loss", criterion(test_logits, y_test).item())
    print("test acc", (test_logits.argmax(1) == y_test).float().mean().item())
