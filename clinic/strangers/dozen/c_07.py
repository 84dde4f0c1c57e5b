"""Distil a convolutional teacher into a small MLP on unlabelled digits."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

SEED = 0
TEMPERATURE = 3.0


class Teacher(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(32 * 16, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


class Student(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def forward(self, x):
        return self.net(x)


def get_data():
    digits = load_digits()
    x = (digits.images / 16.0).astype(np.float32)[:, None]
    y = digits.target.astype(np.int64)
    x_rest, x_test, y_rest, y_test = train_test_split(x, y, test_size=400, random_state=SEED, stratify=y)
    x_lab, x_unlab, y_lab, _ = train_test_split(x_rest, y_rest, train_size=500, random_state=SEED, stratify=y_rest)
    t = torch.from_numpy
    return TensorDataset(t(x_lab), t(y_lab)), t(x_unlab), TensorDataset(t(x_test), t(y_test))


@torch.no_grad()
def accuracy(model, dataset):
    model.eval()
    hits = 0
    for x, y in DataLoader(dataset, batch_size=200):
        hits += (model(x).argmax(1) == y).sum().item()
    return hits / len(dataset)


def train_teacher(labelled, epochs=10):
    teacher = Teacher()
    opt = torch.optim.Adam(teacher.parameters(), lr=2e-3)
    loader = DataLoader(labelled, batch_size=50, shuffle=True)
    for epoch in range(epochs):
        teacher.train()
        for x, y in loader:
            opt.zero_grad()
            F.cross_entropy(teacher(x), y).backward()
            opt.step()
    return teacher


@torch.no_grad()
def teacher_logits(teacher, images):
    teacher.eval()
    loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True)
    return torch.cat([teacher(x) for (x,) in loader])


def distil(student, images, logits, epochs=40):
    opt = torch.optim.Adam(student.parameters(), lr=3e-3)
    loader = DataLoader(TensorDataset(images, logits), batch_size=64, shuffle=True)
    for epoch in range(1, epochs + 1):
        student.train()
        total = 0.0
        for x, t_logits in loader:
            x = x + 0.05 * torch.randn_like(x)
            log_q = F.log_softmax(student(x) / TEMPERATURE, dim=1)
            p = F.softmax(t_logits / TEMPERATURE, dim=1)
            loss = F.kl_div(log_q, p, reduction="batchmean") * TEMPERATURE ** 2
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(x)
        if epoch % 10 == 0:
            print(f"  distil epoch {epoch}: kl {total / len(images):.4f}")
    return student


def main():
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    labelled, unlabelled, test = get_data()
    print(f"labelled {len(labelled)}, unlabelled {len(unlabelled)}, test {len(test)}")

    teacher = train_teacher(labelled)
    print(f"teacher test accuracy: {accuracy(teacher, test):.4f}")

    soft_targets = teacher_logits(teacher, unlabelled)
    student = distil(Student(), unlabelled, soft_targets)
    n_t = sum(p.numel() for p in teacher.parameters())
    n_s = sum(p.numel() for p in student.parameters())
    print(f"parameters: teacher {n_t}, student {n_s}")
    print(f"student test accuracy: {accuracy(student, test):.4f}")


if __name__ == "__main__":
    main()
