"""Small CNN on grey-value images of digits.

Fault: inputs_not_normalised
Fix: scale the pixels to mean 0 and standard deviation 1
"""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

BATCH_SIZE = 32  # clinic: 32 | 48 | 64
LR = 0.02  # clinic: 0.02 | 0.015 | 0.025
EPOCHS = 6


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3)
        self.fc1 = nn.Linear(16 * 4 * 4, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = x.view(-1, 16 * 4 * 4)
        x = F.relu(self.fc1(x))
        return self.fc2(x)


def load_images():
    digits = load_digits()
    grey = np.clip(digits.images * 16, 0, 255).astype(np.uint8)
    return torch.from_numpy(grey).float()[:, None], torch.from_numpy(digits.target)


def main():
    np.random.seed(0)
    torch.manual_seed(0)
    images, labels = load_images()
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9)
    for epoch in range(EPOCHS):
        order = torch.from_numpy(np.random.permutation(len(images)))
        running_loss, running_hits = 0.0, 0
        for i in range(0, len(order), BATCH_SIZE):
            idx = order[i : i + BATCH_SIZE]
            optimizer.zero_grad()
            outputs = net(images[idx])
            loss = F.cross_entropy(outputs, labels[idx])
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * len(idx)
            running_hits += (outputs.argmax(1) == labels[idx]).sum().item()
        print(f"[{epoch + 1}] loss: {running_loss / len(images):.3f} accuracy: {running_hits / len(images):.3f}")


if __name__ == "__main__":
    main()
