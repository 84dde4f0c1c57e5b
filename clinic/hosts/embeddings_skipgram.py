"""Skip-gram with negative sampling on a synthetic corpus whose words belong to topics.

Field: word embeddings
Metric: neighbour agreement, higher is better; 0.119 without learning
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

TOPICS, WORDS_PER_TOPIC, STOPWORDS = 8, 20, 10
VOCAB = TOPICS * WORDS_PER_TOPIC + STOPWORDS


def make_corpus(rng, sentences=2500, length=12):
    """Each sentence is about one topic; stop words and stray words are mixed in."""
    zipf = 1.0 / (np.arange(WORDS_PER_TOPIC) + 3.0)
    zipf /= zipf.sum()
    topic = rng.integers(TOPICS, size=(sentences, 1))
    stray = rng.random((sentences, length)) < 0.1
    topic = np.where(stray, rng.integers(TOPICS, size=(sentences, length)), topic)
    words = topic * WORDS_PER_TOPIC + rng.choice(WORDS_PER_TOPIC, size=(sentences, length), p=zipf)
    stop = rng.random((sentences, length)) < 0.25
    return np.where(stop, TOPICS * WORDS_PER_TOPIC + rng.integers(STOPWORDS, size=words.shape), words)


def skipgram_pairs(corpus, window=2):
    """All (centre, context) pairs at most `window` positions apart."""
    centres, contexts = [], []
    for shift in range(1, window + 1):
        left, right = corpus[:, :-shift].ravel(), corpus[:, shift:].ravel()
        centres += [left, right]
        contexts += [right, left]
    return torch.from_numpy(np.concatenate(centres)), torch.from_numpy(np.concatenate(contexts))


class SkipGram(nn.Module):
    """Input and output vectors of the words."""

    def __init__(self, vocab, dim):
        super().__init__()
        self.centre = nn.Embedding(vocab, dim)
        self.context = nn.Embedding(vocab, dim)
        nn.init.uniform_(self.centre.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.context.weight)

    def loss(self, centre, context, negatives):
        """-log s(u.v) - sum over the negatives of log s(-u.v')."""
        v = self.centre(centre)
        positive = (v * self.context(context)).sum(dim=-1)
        negative = torch.einsum("bd,bkd->bk", v, self.context(negatives))
        return -(F.logsigmoid(positive) + F.logsigmoid(-negative).sum(dim=1)).mean()


def topic_agreement(vectors, k=5):
    """Share of the k nearest neighbours (cosine) of the content words that have the same topic."""
    content = vectors[: TOPICS * WORDS_PER_TOPIC]
    content = content / np.linalg.norm(content, axis=1, keepdims=True)
    similarity = content @ content.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1)[:, :k]
    topic = np.arange(len(content)) // WORDS_PER_TOPIC
    return (topic[nearest] == topic[:, None]).mean()


def main():
    """Build the corpus and train."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    corpus = make_corpus(rng)
    centres, contexts = skipgram_pairs(corpus)
    counts = torch.bincount(torch.from_numpy(corpus.ravel()), minlength=VOCAB).float()
    noise = counts**0.75

    model = SkipGram(VOCAB, dim=24)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    batch, negatives = 512, 5
    for epoch in range(2):
        total, batches = 0.0, 0
        for index in torch.randperm(len(centres)).split(batch):
            drawn = torch.multinomial(noise, len(index) * negatives, replacement=True).view(len(index), negatives)
            loss = model.loss(centres[index], contexts[index], drawn)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, batches = total + loss.item(), batches + 1
        print(f"epoch {epoch}: {batches} batches, mean loss {total / batches:.4f}")

    vectors = model.centre.weight.detach().numpy()
    print(f"neighbour agreement {topic_agreement(vectors):.4f}")


if __name__ == "__main__":
    main()
