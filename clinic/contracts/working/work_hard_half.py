"""Names digits with a small convolutional network that learns from the hard examples of each batch.

Field: image classification
Metric: test accuracy, higher is better; 0.1 without learning
On purpose: each batch is scored first, and only its hardest quarter is used for the gradient.
Source: https://github.com/open-mmlab/mmsegmentation/pull/54 (online hard example mining)
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    """Two convolutions and two linear layers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        )
        self.head = nn.Sequential(nn.Linear(24 * 16, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        """Logits of the digits."""
        return self.head(self.features(x).flatten(1))


@torch.no_grad()
def hardest(model, x, y, share=0.25):
    """Gives the rows of the batch with the largest losses."""
    model.eval()
    losses = F.cross_entropy(model(x), y, reduction="none")
    model.train()
    return losses.topk(max(1, int(share * len(x)))).indices


def main():
    """Trains and tests."""
    torch.manual_seed(0)
    images, labels = load_digits(return_X_y=True)
    split = train_test_split(images / 16.0, labels, test_size=0.3, random_state=0, stratify=labels)
    x_train, x_test = (torch.tensor(a, dtype=torch.float32).view(-1, 1, 8, 8) for a in split[:2])
    y_train, y_test = (torch.tensor(a) for a in split[2:])
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=128, shuffle=True)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for epoch in range(1, 26):
        for x, y in loader:
            rows = hardest(model, x, y)
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 5 == 0:
            print(f"epoch {epoch}: loss of the hard examples {loss.item():.4f}")
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(dim=1) == y_test).float().mean().item()
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
