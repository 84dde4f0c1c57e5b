"""Digit images with a small CNN.

Fault: output_loss_mismatch
Fix: return the logits (drop softmax in forward): F.cross_entropy applies log-softmax itself
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class DigitCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1)  # clinic: padding=1 | padding=1, bias=False
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(16 * 2 * 2, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = self.fc2(x)
        return F.softmax(x, dim=1)


def main():
    torch.manual_seed(0)  # clinic: 0 | 8
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 1, 8, 8).astype("float32") / 16
    x_train, x_test, y_train, y_test = map(torch.tensor, train_test_split(images, labels, random_state=0))

    net = DigitCNN()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)  # clinic: lr=0.03 | lr=0.02
    n, batch = len(x_train), 32

    for epoch in range(8):
        permutation = torch.randperm(n)
        total_loss, total_correct = 0.0, 0
        for i in range(0, n, batch):
            indices = permutation[i : i + batch]
            outputs = net(x_train[indices])
            loss = F.cross_entropy(outputs, y_train[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total_loss += loss.item() * len(indices)
            total_correct += (outputs.argmax(1) == y_train[indices]).sum().item()
        print(f"Epoch {epoch + 1}: loss={total_loss / n:.4f} train_acc={total_correct / n:.4f}")

    with torch.no_grad():
        print("test accuracy:", (net(x_test).argmax(1) == y_test).float().mean().item())


if __name__ == "__main__":
    main()
