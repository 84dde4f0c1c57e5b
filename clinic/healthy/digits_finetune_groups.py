"""Pretrain on upright digits, then fine-tune on digits lying on their side with a smaller rate for the body.

Fault: none
Looks like: layer_rate_mismatch, since the body learns at a tenth of the head's rate; that is how pretrained weights are usually fine-tuned.
Metric: acc, higher is better; 0.1044 without learning
"""

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)  # clinic: seed(0) | seed(23)

digits = load_digits()
upright = torch.tensor((digits.images - 4.9) / 6.0, dtype=torch.float32).unsqueeze(1)
lying = torch.rot90(upright, 1, dims=(2, 3))
labels = torch.tensor(digits.target)


def body():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.3),
    )


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = body()
        self.head = nn.Linear(512, 10)

    def forward(self, x):
        return self.head(self.body(x))


def train(model, optimizer, images, epochs, name):
    loader = DataLoader(TensorDataset(images, labels), batch_size=60, shuffle=True)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(epochs):
        model.train()
        losses, correct = 0.0, 0
        for x, y in loader:
            optimizer.zero_grad()
            out = model(x)
            loss = criterion(out, y)
            loss.backward()
            optimizer.step()
            losses += loss.item() * len(y)
            correct += (out.argmax(1) == y).sum().item()
        print(f"{name} {epoch}: loss {losses / len(labels):.4f} acc {correct / len(labels):.3f}")


model = Classifier()
train(model, torch.optim.Adam(model.parameters(), lr=3e-3), upright, 5, "pretrain")

model.head.reset_parameters()
finetune = torch.optim.Adam(
    [
        {"params": model.body.parameters(), "lr": 1e-3},  # clinic: 1e-3 | 8e-4
        {"params": model.head.parameters(), "lr": 1e-2},  # clinic: 1e-2 | 8e-3
    ]
)
train(model, finetune, lying, 7, "finetune")
