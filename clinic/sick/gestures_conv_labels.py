"""Which gesture does the wrist make at each moment? An embedding of the accelerations and a convolution over time.

Fault: dimensions_exchanged
Fix: x.transpose(1, 2) before the convolution instead of view (which does not bring features before time but cuts the numbers into other rows)
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

MOMENTS, AXES, GESTURES = 40, 3, 4  # clinic: 40, 3, 4 | 36, 3, 4 | 44, 3, 3


class GestureNet(nn.Module):
    def __init__(self, features, filters=16):
        super().__init__()
        self.embed = nn.Linear(AXES, features)
        self.conv = nn.Conv1d(features, filters, kernel_size=9, padding=4)
        self.out = nn.Conv1d(filters, GESTURES + 1, kernel_size=5, padding=2)

    def forward(self, x):
        x = F.relu(self.embed(x))
        x = x.view(x.size(0), x.size(2), x.size(1))  # clinic: x.view(x.size(0), x.size(2), x.size(1)) | x.reshape(-1, x.shape[2], x.shape[1])
        x = F.relu(self.conv(x))
        return self.out(x)


class Trainer:
    def __init__(self, model, lr, batch_size):
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.batch_size = batch_size

    def epoch(self, traces, labels):
        total, right = 0.0, 0.0
        for rows in torch.randperm(len(traces)).split(self.batch_size):
            scores = self.model(traces[rows])
            loss = F.cross_entropy(scores, labels[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(rows)
            right += (scores.argmax(1) == labels[rows]).float().mean(dim=1).sum().item()
        return total / len(traces), right / len(traces)


def record(n, rng):
    shapes = rng.normal(size=(GESTURES, 8, AXES))
    traces = 0.5 * rng.normal(size=(n, MOMENTS, AXES))
    labels = np.zeros((n, MOMENTS), dtype=int)
    for i in range(n):
        for start in (rng.integers(0, MOMENTS // 2 - 8), rng.integers(MOMENTS // 2, MOMENTS - 8)):
            which = rng.integers(GESTURES)
            traces[i, start : start + 8] += shapes[which]
            labels[i, start : start + 8] = which + 1
    return torch.tensor(traces).float(), torch.tensor(labels)


torch.manual_seed(3)
traces, labels = record(1500, np.random.default_rng(3))
trainer = Trainer(GestureNet(features=12), lr=3e-3, batch_size=30)  # clinic: lr=3e-3, batch_size=30 | lr=4e-3, batch_size=50
for epoch in range(10):
    loss, accuracy = trainer.epoch(traces, labels)
    print(f"epoch {epoch}: loss {loss:.4f} accuracy {accuracy:.3f}")
