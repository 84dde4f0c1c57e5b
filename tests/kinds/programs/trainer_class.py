"""Digits, a trainer in a class; sick: a softmax before the loss that applies its own."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DigitNet(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.head = nn.Linear(width, 10)

    def forward(self, images):
        scores = self.head(self.body(images))
        return scores  # sick: scores | torch.softmax(scores, dim=1)


class DigitTrainer:
    def __init__(self, model, loader, lr):
        self.model, self.loader = model, loader
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    def fit(self, epochs):
        for epoch in range(epochs):
            for images, labels in self.loader:
                print(epoch, self.training_step(images, labels))

    def training_step(self, images, labels):
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(images), labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()


if __name__ == "__main__":
    torch.manual_seed(0)
    digits = torch.load("digits.pt")
    data = TensorDataset(digits["images"] / 16 - 0.3, digits["labels"])
    DigitTrainer(DigitNet(), DataLoader(data, batch_size=64, shuffle=True), lr=0.1).fit(epochs=6)
