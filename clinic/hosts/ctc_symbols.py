"""Trains a convolutional recogniser of symbol strings from noisy frames with the CTC loss.

Field: ctc
Metric: symbol error rate, lower is better; 0.8227 without learning
"""

import numpy as np
import torch
from torch import nn

SYMBOLS, FEATURES, BLANK = 8, 12, 0


def utterance(rng, shapes):
    """Draws a string and its frames: silence, then each symbol for two to four frames."""
    string = rng.integers(1, SYMBOLS + 1, size=rng.integers(3, 7))
    pieces = []
    for symbol in string:
        pieces.append(np.zeros((rng.integers(1, 3), FEATURES)))
        pieces.append(np.tile(shapes[symbol], (rng.integers(2, 5), 1)))
    frames = np.concatenate(pieces)
    return frames + 0.5 * rng.standard_normal(frames.shape), string


def collate(items):
    """Pads frames, joins targets, and gives both sorts of lengths."""
    lengths = torch.tensor([len(frames) for frames, _ in items])
    x = torch.zeros(len(items), int(lengths.max()), FEATURES)
    for row, (frames, _) in zip(x, items):
        row[: len(frames)] = torch.from_numpy(frames)
    targets = torch.tensor(np.concatenate([string for _, string in items]))
    target_lengths = torch.tensor([len(string) for _, string in items])
    return x, lengths, targets, target_lengths


class Recogniser(nn.Module):
    """Two convolutions over time and a classifier of frames."""

    def __init__(self, width=48):
        super().__init__()
        self.conv1 = nn.Conv1d(FEATURES, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.head = nn.Linear(width, SYMBOLS + 1)

    def forward(self, x):
        """Gives log-probabilities: (time, batch, symbols and blank)."""
        h = torch.relu(self.conv1(x.transpose(1, 2)))
        h = torch.relu(self.conv2(h))
        return self.head(h.permute(2, 0, 1)).log_softmax(dim=-1)


def collapse(path):
    """Merges repeats and drops blanks."""
    return [s for i, s in enumerate(path) if s != BLANK and (i == 0 or s != path[i - 1])]


def edit_distance(a, b):
    """Counts insertions, deletions and substitutions."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def main():
    """Trains, then decodes greedily."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    shapes = rng.standard_normal((SYMBOLS + 1, FEATURES))
    train = [utterance(rng, shapes) for _ in range(1000)]
    test = [utterance(rng, shapes) for _ in range(300)]

    model = Recogniser()
    ctc = nn.CTCLoss(blank=BLANK)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(9):
        order = rng.permutation(len(train))
        losses = []
        for start in range(0, len(train), 50):
            x, lengths, targets, target_lengths = collate([train[i] for i in order[start : start + 50]])
            loss = ctc(model(x), targets, lengths, target_lengths)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1:2d}  ctc loss {np.mean(losses):.4f}")

    errors = symbols = 0
    x, lengths, _, _ = collate(test)
    with torch.no_grad():
        paths = model(x).argmax(dim=-1).t()
    for path, length, (_, string) in zip(paths, lengths, test):
        errors += edit_distance(collapse(path[:length].tolist()), string.tolist())
        symbols += len(string)
    print(f"symbol error rate {errors / symbols:.4f}")


if __name__ == "__main__":
    main()
