"""Several tags for one short text: bag-of-words inputs, one logit per tag.

Fault: none
Looks like: inputs_not_normalised or dead inputs (nearly all are 0) and a wrong loss (rows of the targets do not sum to one); counts of words are like that, and the tags are independent yes/no questions.
Metric: test F1, higher is better; 0.3532 without learning
"""

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

rng = np.random.default_rng(0)
torch.manual_seed(0)  # clinic: seed(0) | seed(2)

WORDS, TAGS = 300, 8  # clinic: 300, 8 | 240, 6


class PostDataset(Dataset):
    def __init__(self, n, topic_words):
        self.tags = (rng.random((n, TAGS)) < 0.25).astype(np.float32)
        self.counts = np.zeros((n, WORDS), dtype=np.float32)
        for i in range(n):
            active = np.flatnonzero(self.tags[i])
            common = rng.integers(0, WORDS, 14)
            special = [rng.choice(topic_words[k], 3) for k in active]
            np.add.at(self.counts[i], np.concatenate([common, *special]).astype(int), 1.0)

    def __len__(self):
        return len(self.tags)

    def __getitem__(self, i):
        return self.counts[i], self.tags[i]


topic_words = [rng.choice(WORDS, 30, replace=False) for _ in range(TAGS)]
train_data, test_data = PostDataset(6000, topic_words), PostDataset(800, topic_words)
loader = DataLoader(train_data, batch_size=64, shuffle=True)

tagger = nn.Sequential(nn.Linear(WORDS, 32), nn.ReLU(), nn.Linear(32, TAGS))  # clinic: ReLU | SiLU
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(tagger.parameters(), lr=8e-3)

for epoch in range(4):
    total = 0.0
    for counts, tags in loader:
        loss = criterion(tagger(counts), tags)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        guess = tagger(torch.from_numpy(test_data.counts)) > 0
        truth = torch.from_numpy(test_data.tags) > 0.5
        f1 = 2 * (guess & truth).sum() / (guess.sum() + truth.sum())
    print(f"epoch {epoch}: loss {total / len(loader):.4f}, test F1 {f1:.3f}")
