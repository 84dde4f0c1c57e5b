"""The digits."""

import torch
from torch.utils.data import DataLoader, TensorDataset


def digits_loader(batch_size):
    """Return shuffled batches."""
    digits = torch.load("digits.pt")
    images = digits["images"] / 16 - 0.3
    return DataLoader(TensorDataset(images, digits["labels"]), batch_size=batch_size, shuffle=True)
