"""Sentiment of short generated reviews, bag of embeddings.

Fault: output_loss_mismatch
Fix: drop nn.Sigmoid() at the end: BCEWithLogitsLoss applies it itself
"""

import random

import torch
from torch import nn

random.seed(14)
torch.manual_seed(14)

GOOD = "great lovely superb fresh friendly fast delicious warm charming perfect".split()
BAD = "awful cold rude slow bland dirty stale boring broken terrible".split()
NEUTRAL = "the food was and place service we came for dinner with our table waiter menu it".split()


def review():
    label = random.random() < 0.5
    main, other = (GOOD, BAD) if label else (BAD, GOOD)
    words = (
        random.choices(NEUTRAL, k=random.randint(6, 12))
        + random.choices(main, k=2)
        + random.choices(other, k=random.randint(0, 1))
    )
    random.shuffle(words)
    return words, float(label)


vocab = {w: i for i, w in enumerate(GOOD + BAD + NEUTRAL)}


def collate(reviews):
    tokens = [torch.tensor([vocab[w] for w in words]) for words, _ in reviews]
    offsets = torch.tensor([0] + [len(t) for t in tokens[:-1]]).cumsum(0)
    return torch.cat(tokens), offsets, torch.tensor([label for _, label in reviews])


class BagClassifier(nn.Module):
    def __init__(self, vocab_size, dim=16):  # clinic: dim=16 | dim=32
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab_size, dim, mode="mean")
        self.layers = nn.Sequential(nn.Linear(dim, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())

    def forward(self, tokens, offsets):
        return self.layers(self.bag(tokens, offsets)).squeeze(1)


train_loader = torch.utils.data.DataLoader(
    [review() for _ in range(1200)], batch_size=24, shuffle=True, collate_fn=collate
)
test_tokens, test_offsets, test_labels = collate([review() for _ in range(400)])

model = BagClassifier(len(vocab))
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)  # clinic: lr=5e-3 | lr=1e-2

for epoch in range(8):  # clinic: 8 | 11
    losses = []
    for tokens, offsets, labels in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(tokens, offsets), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        prob = torch.sigmoid(model(test_tokens, test_offsets))
        acc = ((prob > 0.5).float() == test_labels).float().mean().item()
    print(f"epoch {epoch + 1} | loss {sum(losses) / len(losses):.4f} | test accuracy {acc:.3f}")
