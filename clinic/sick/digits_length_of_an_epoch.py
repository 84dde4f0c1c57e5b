"""Names handwritten digits; the data set counts its batches, not its images.

Fault: examples_not_drawn
Fix: length_of_data, the number of images as the length
"""

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(2)  # clinic: manual_seed(2) | manual_seed(9)
BATCH = 20  # clinic: = 20 | = 25


class Images(Dataset):
    """Images of digits, with noise."""

    def __init__(self, pixels, digits):
        self.pixels, self.digits = pixels, digits

    def __len__(self):
        return len(self.pixels) // BATCH

    def __getitem__(self, index):
        image = self.pixels[index] + 0.1 * torch.randn(64)
        return image, self.digits[index]


data = load_digits()
pixels = torch.tensor(data.data, dtype=torch.float32) / 16 - 0.3
digits = torch.tensor(data.target)
loader = DataLoader(Images(pixels[:1400], digits[:1400]), batch_size=BATCH, shuffle=True)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(15):
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(pixels[1400:]).argmax(1) == digits[1400:]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, test accuracy {accuracy:.4f}")
