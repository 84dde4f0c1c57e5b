"""`python -m trainer.train`: a network and its data from modules of their own; sick: a softmax too many."""

import torch
from torch import nn

from .data import digits_loader
from .model import DigitNet


def main():
    """Train it."""
    torch.manual_seed(0)
    model, criterion = DigitNet(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(6):
        for images, labels in digits_loader(64):
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            print(epoch, loss.item())


if __name__ == "__main__":
    main()
