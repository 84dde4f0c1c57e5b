"""The network."""

from torch import nn


class DigitNet(nn.Module):
    """Two hidden layers."""

    def __init__(self, width=48):
        super().__init__()
        self.hidden = nn.Linear(64, width)
        self.second = nn.Linear(width, width)
        self.output = nn.Linear(width, 10)

    def forward(self, images):
        """Return scores."""
        features = self.hidden(images).relu()
        features = self.second(features).relu()
        return self.output(features)  # sick: self.output(features) | self.output(features).softmax(dim=-1)
