"""Tagging short forum posts with several topics each (bag of embeddings)."""
import random

import numpy as np
import torch
from torch import nn
from torch.optim import Adam
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader

torch.manual_seed(0)
np.random.seed(0)
random.seed(0)

N_TAGS = 10
VOCAB = 600
config = dict(lr=5e-3, epochs=12, batch_size=64, emb=32, hidden=64, step_size=4, gamma=0.5, threshold=0.5)


def make_posts(n, topic_words):
    posts = []
    for _ in range(n):
        tags = random.sample(range(N_TAGS), random.choice([1, 2, 2, 3, 3, 4]))
        words = []
        for t in tags:
            words += random.choices(topic_words[t], k=random.randint(4, 8))
        words += [random.randrange(VOCAB) for _ in range(random.randint(3, 9))]
        random.shuffle(words)
        posts.append((words, tags))
    return posts


def collate(batch):
    flat, offsets, target = [], [], torch.zeros(len(batch), N_TAGS)
    for row, (words, tags) in enumerate(batch):
        offsets.append(len(flat))
        flat.extend(words)
        target[row, tags] = 1.0
    return torch.tensor(flat), torch.tensor(offsets), target


class Tagger(nn.Module):
    def __init__(self, vocab, emb, hidden, n_tags):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, emb, mode="mean")
        self.net = nn.Sequential(nn.Linear(emb, hidden), nn.ReLU(), nn.Dropout(0.1), nn.Linear(hidden, n_tags))

    def forward(self, flat, offsets):
        return self.net(self.bag(flat, offsets))


def micro_f1(model, loader, threshold):
    model.eval()
    tp = fp = fn = 0
    with torch.no_grad():
        for flat, offsets, target in loader:
            probs = torch.softmax(model(flat, offsets), dim=1)
            pred = (probs > threshold).float()
            tp += (pred * target).sum().item()
            fp += (pred * (1 - target)).sum().item()
            fn += ((1 - pred) * target).sum().item()
    return 2 * tp / max(2 * tp + fp + fn, 1)


topic_words = [random.sample(range(VOCAB), 40) for _ in range(N_TAGS)]
train_posts, test_posts = make_posts(4000, topic_words), make_posts(800, topic_words)
train_loader = DataLoader(train_posts, config["batch_size"], shuffle=True, collate_fn=collate)
test_loader = DataLoader(test_posts, 200, collate_fn=collate)

model = Tagger(VOCAB, config["emb"], config["hidden"], N_TAGS)
criterion = nn.CrossEntropyLoss()
optimizer = Adam(model.parameters(), lr=config["lr"])
scheduler = StepLR(optimizer, step_size=config["step_size"], gamma=config["gamma"])

for epoch in range(config["epochs"]):
    model.train()
    epoch_loss = 0.0
    for flat, offsets, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(flat, offsets), target)
        loss.backward()
        optimizer.step()
        scheduler.step()
        epoch_loss += loss.item()
    print(f"epoch {epoch + 1:2d} | loss {epoch_loss / len(train_loader):.4f}")

print(f"test micro-F1: {micro_f1(model, test_loader, config['threshold']):.4f}")
