"""The digits."""

import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


def digits_loader(batch_size):
    """Return shuffled batches."""
    digits = load_digits()
    images = torch.tensor(digits.data, dtype=torch.float32) / 16 - 0.3
    return DataLoader(TensorDataset(images, torch.tensor(digits.target)), batch_size=batch_size, shuffle=True)
