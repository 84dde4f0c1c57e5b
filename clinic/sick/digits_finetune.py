"""Pre-train a digit classifier, then fine-tune it on another scanner's images.

Fault: warm_start or instability
Fix: a smaller learning rate (about 0.05) for the fine-tuning
"""

import io

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


def make_model():
    return nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))


def run(model, loader, lr, epochs, tag):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(epochs):
        losses = []
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"{tag} epoch {epoch + 1}: first {losses[0]:.4f}, mean {sum(losses) / len(losses):.4f}")


torch.manual_seed(23)
digits = load_digits()
images = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
labels = torch.tensor(digits.target)
scanned = 0.8 * images + 0.1 + 0.2 * torch.randn_like(images)

base = make_model()
run(
    base,
    DataLoader(TensorDataset(images[:900], labels[:900]), batch_size=45, shuffle=True),
    lr=0.05,
    epochs=6,
    tag="pretrain",
)
checkpoint = io.BytesIO()
torch.save(base.state_dict(), checkpoint)

checkpoint.seek(0)
model = make_model()
model.load_state_dict(torch.load(checkpoint))
new_data = TensorDataset(scanned[900:], labels[900:])
new_loader = DataLoader(new_data, batch_size=32, shuffle=True)  # clinic: batch_size=32 | batch_size=48
run(model, new_loader, lr=0.8, epochs=8, tag="finetune")  # clinic: lr=0.8 | lr=0.6 | lr=1.2
