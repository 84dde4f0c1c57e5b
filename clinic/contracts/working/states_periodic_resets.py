"""Digit classification from few images with the last layers drawn again several times.

The later layers and the memory of their optimizer are thrown away at fixed epochs, on purpose.

Field: image classification
Metric: test accuracy, higher is better; 0.090 without learning
Source: commonly reported: resets of the last layers, Nikishin et al. 2022, The Primacy Bias
"""

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

EPOCHS, RESET_EVERY = 100, 25


class ConvNet(nn.Module):
    """A convolutional body and a dense head."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        """Return logits."""
        return self.head(self.body(x))

    def reset_head(self):
        """Draw the weights of the head again."""
        for layer in self.head:
            if isinstance(layer, nn.Linear):
                layer.reset_parameters()


def main():
    """Train with resets and test."""
    torch.manual_seed(0)
    digits = load_digits()
    order = torch.randperm(len(digits.target))
    x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)[order]
    y = torch.tensor(digits.target)[order]
    x_train, y_train, x_test, y_test = x[:500], y[:500], x[500:], y[500:]

    net = ConvNet()
    body_optimizer = torch.optim.AdamW(net.body.parameters(), lr=1e-3)
    head_optimizer = torch.optim.AdamW(net.head.parameters(), lr=1e-3)
    for epoch in range(1, EPOCHS + 1):
        net.train()
        for index in torch.randperm(len(x_train)).split(50):
            loss = F.cross_entropy(net(x_train[index]), y_train[index])
            body_optimizer.zero_grad()
            head_optimizer.zero_grad()
            loss.backward()
            body_optimizer.step()
            head_optimizer.step()
        if epoch % RESET_EVERY == 0:
            print(f"epoch {epoch}  loss {loss.item():.4f}")
            if epoch < EPOCHS:
                net.reset_head()
                head_optimizer.state.clear()

    net.eval()
    with torch.no_grad():
        accuracy = (net(x_test).argmax(dim=1) == y_test).float().mean().item()
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
