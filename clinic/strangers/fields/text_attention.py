import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

PAD = 0
VOCAB = 500
N_CLASSES = 4


def make_corpus(n, gen):
    """Documents of mostly filler words plus a few topic words; the label is the topic
    mentioned most often."""
    topic_words = torch.arange(1, 1 + N_CLASSES * 20).view(N_CLASSES, 20)
    docs = []
    for _ in range(n):
        label = torch.randint(N_CLASSES, (1,), generator=gen).item()
        length = torch.randint(10, 50, (1,), generator=gen).item()
        tokens = torch.randint(1 + N_CLASSES * 20, VOCAB, (length,), generator=gen)
        slots = torch.randperm(length, generator=gen)
        other = (label + torch.randint(1, N_CLASSES, (1,), generator=gen).item()) % N_CLASSES
        for j in range(3):
            tokens[slots[j]] = topic_words[label, torch.randint(20, (1,), generator=gen)]
        tokens[slots[3]] = topic_words[other, torch.randint(20, (1,), generator=gen)]
        docs.append((tokens, label))
    return docs


def collate(batch):
    seqs, labels = zip(*batch)
    tokens = pad_sequence(seqs, batch_first=True, padding_value=PAD)
    return tokens, torch.tensor(labels)


class AttentionClassifier(nn.Module):
    def __init__(self, vocab, dim=48, n_classes=N_CLASSES, dropout=0.2, max_len=64):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim, padding_idx=PAD)
        self.pos = nn.Embedding(max_len, dim)
        nn.init.normal_(self.pos.weight, std=0.02)
        self.key = nn.Linear(dim, dim)
        self.query = nn.Parameter(torch.randn(dim) * dim ** -0.5)
        self.drop = nn.Dropout(dropout)
        self.classifier = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, n_classes))

    def forward(self, tokens):
        mask = tokens == PAD
        h = self.embed(tokens) + self.pos(torch.arange(tokens.size(1)))
        h = self.drop(h)
        scores = torch.tanh(self.key(h)) @ self.query
        scores = scores.masked_fill(mask == 0, -1e9)
        attn = F.softmax(scores, dim=-1)
        pooled = (attn.unsqueeze(-1) * h).sum(dim=1)
        return self.classifier(pooled)


def accuracy(model, loader):
    model.eval()
    hits = count = 0
    with torch.no_grad():
        for tokens, labels in loader:
            hits += (model(tokens).argmax(dim=-1) == labels).sum().item()
            count += labels.numel()
    return hits / count


def main(args):
    torch.manual_seed(args.seed)
    gen = torch.Generator().manual_seed(args.seed + 1)
    train_loader = DataLoader(make_corpus(3000, gen), batch_size=args.batch, shuffle=True, collate_fn=collate)
    test_loader = DataLoader(make_corpus(1000, gen), batch_size=200, collate_fn=collate)

    model = AttentionClassifier(VOCAB)
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr)

    for epoch in range(args.epochs):
        model.train()
        seen, loss_sum = 0, 0.0
        for tokens, labels in train_loader:
            loss = F.cross_entropy(model(tokens), labels)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            loss_sum += loss.item() * len(labels)
            seen += len(labels)
        print(f"epoch {epoch}: train loss {loss_sum / seen:.3f}, test accuracy {accuracy(model, test_loader):.3f}")

    print(f"final test accuracy: {accuracy(model, test_loader):.3f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=7)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--seed", type=int, default=0)
    main(p.parse_args())
