"""A small convolutional network for the 8x8 digits.

Fault: slow_progress
Fix: a normal rate for Adam (about 2e-3)
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class SmallCNN(nn.Module):
    def __init__(self, channels=8):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Linear(2 * channels * 2 * 2, 10)

    def forward(self, images):
        z = self.features(images)
        return self.classifier(z.flatten(1))


def main():
    torch.manual_seed(7)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
    images = (images - images.mean()) / images.std()
    labels = torch.tensor(digits.target)
    train_set, valid_set = random_split(TensorDataset(images, labels), [1500, 297])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)  # clinic: batch_size=32 | batch_size=50
    valid_loader = DataLoader(valid_set, batch_size=297)

    model = SmallCNN(channels=8)  # clinic: channels=8 | channels=12 | channels=6
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-6)  # clinic: lr=1e-6 | lr=3e-6 | lr=3e-7

    for epoch in range(8):
        model.train()
        train_loss = 0.0
        for batch_images, batch_labels in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(batch_images), batch_labels)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() / len(train_loader)

        model.eval()
        with torch.no_grad():
            for batch_images, batch_labels in valid_loader:
                logits = model(batch_images)
                valid_loss = loss_fn(logits, batch_labels).item()
                accuracy = (logits.argmax(1) == batch_labels).float().mean().item()
        print(f"Epoch {epoch + 1}: train loss {train_loss:.4f}, valid loss {valid_loss:.4f}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
