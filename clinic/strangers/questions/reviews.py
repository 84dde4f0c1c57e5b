import random

import torch
from torch import nn

random.seed(1)
torch.manual_seed(1)

GOOD = "great superb moving funny brilliant loved charming gripping lovely fresh".split()
BAD = "dull awful boring hated clumsy weak tedious silly bland mess".split()
FILLER = "the a movie film plot actor scene it was is with and of very quite end start story director score".split()
vocab = {w: i + 1 for i, w in enumerate(GOOD + BAD + FILLER)}
sentence_len_max = 16


def review(label):
    n = random.randint(9, sentence_len_max)
    words = [random.choice(FILLER) for _ in range(n)]
    for p in random.sample(range(n), 3):
        words[p] = random.choice(GOOD if label else BAD)
    return [0] * (sentence_len_max - n) + [vocab[w] for w in words]


labels = [i % 2 for i in range(2000)]
term_idx = torch.tensor([review(l) for l in labels])
y = torch.tensor(labels, dtype=torch.float32).view(-1, 1)


class Sentiment(nn.Module):
    def __init__(self, vocab_size, word_embed_vector_size=4, units=1):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, word_embed_vector_size)
        self.lstm = nn.LSTM(word_embed_vector_size, units, batch_first=True)
        self.dense = nn.Linear(units, 1)

    def forward(self, tokens):
        _, (h, _) = self.lstm(self.embedding(tokens))
        return torch.softmax(self.dense(h[-1]), dim=1)


model = Sentiment(len(vocab) + 1)
optimizer = torch.optim.Adam(model.parameters())
criterion = nn.BCELoss()

for epoch in range(12):
    loss_sum, right = 0.0, 0
    for part in torch.randperm(len(y)).split(25):
        prob = model(term_idx[part])
        loss = criterion(prob, y[part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(part)
        right += ((prob > 0.5).float() == y[part]).sum().item()
    print("Epoch", epoch + 1, "loss %.4f" % (loss_sum / len(y)), "binary_accuracy %.4f" % (right / len(y)))
