"""Names handwritten digits, with noise on the training images as augmentation.

Fault: stored_examples_changed
Fix: copy_rows, a copy of the stored image before the noise is added
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(3)  # clinic: manual_seed(3) | manual_seed(8)
rng = np.random.default_rng(3)


class Digits(Dataset):
    """Images of 8 × 8 pixels as rows of 64 numbers, with noise if they are for training."""

    def __init__(self, images, labels, noise):
        self.images, self.labels, self.noise = images, labels, noise

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.noise:
            image += rng.normal(0, self.noise, image.shape).astype(np.float32)
        return torch.from_numpy(image), int(self.labels[index])


digits = load_digits()
order = rng.permutation(len(digits.target))
images, labels = (digits.data[order] / 16 - 0.3).astype(np.float32), digits.target[order]
train = DataLoader(Digits(images[:1300], labels[:1300], noise=0.25), batch_size=32, shuffle=True)  # clinic: =32 | =26
test = DataLoader(Digits(images[1300:], labels[1300:], noise=0.0), batch_size=497)

net = nn.Sequential(nn.Linear(64, 60), nn.ReLU(), nn.Linear(60, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(20):
    for pixels, label in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(pixels), label)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = sum((net(pixels).argmax(1) == label).float().mean().item() for pixels, label in test)
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
