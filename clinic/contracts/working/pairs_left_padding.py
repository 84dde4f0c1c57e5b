"""A causal transformer names the commonest letter of strings of different length, padded on the left.

On purpose: padding comes first, positions are counted from the first real token, and the last position is read.

Field: sequence classification
Metric: test accuracy, higher is better; 0.162 without learning
Source: https://github.com/vwxyzjn/lm-human-preference-details/issues/6 (position_ids = cumsum of the mask)
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader

PAD, LETTERS, LONGEST, CLASSES = 0, 7, 9, 7


def example():
    """A string, and the number of the letter that comes most often, the smallest one if there are several."""
    letters = torch.randint(LETTERS, (int(torch.randint(3, LONGEST + 1, ())),))
    counts = torch.bincount(letters, minlength=LETTERS)
    return letters + 1, int(counts.argmax())


def collate(batch):
    """Puts the padding in front of the strings."""
    tokens = torch.full((len(batch), LONGEST), PAD)
    for row, (letters, _) in enumerate(batch):
        tokens[row, LONGEST - len(letters) :] = letters
    return tokens, torch.tensor([label for _, label in batch])


class Reader(nn.Module):
    """Causal attention over real tokens and a linear head on the last state."""

    def __init__(self, width=40, heads=4):
        super().__init__()
        self.tokens = nn.Embedding(LETTERS + 1, width, padding_idx=PAD)
        self.positions = nn.Embedding(LONGEST, width)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, tokens):
        """Logits of the classes."""
        real = tokens != PAD
        position_ids = (real.long().cumsum(dim=1) - 1).clamp(min=0)
        x = self.tokens(tokens) + self.positions(position_ids)
        length = tokens.shape[1]
        causal = torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)
        blocked = causal[None] | ~real[:, None, :]
        blocked = blocked & ~torch.eye(length, dtype=torch.bool)
        states = self.layers(x, mask=blocked.repeat_interleave(4, dim=0))
        return self.head(states[:, -1])


def main():
    """Train and count right answers."""
    torch.manual_seed(0)
    train, test = [example() for _ in range(6000)], [example() for _ in range(1000)]
    model = Reader()
    loader = DataLoader(train, batch_size=64, shuffle=True, collate_fn=collate)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    epochs = 3
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * len(loader))
    for epoch in range(epochs):
        total = 0.0
        for tokens, labels in loader:
            loss = F.cross_entropy(model(tokens), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / len(loader):.4f}")

    model.eval()
    with torch.no_grad():
        tokens, labels = collate(test)
        accuracy = (model(tokens).argmax(dim=1) == labels).float().mean().item()
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
