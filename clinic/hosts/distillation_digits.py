"""Trains a wide teacher on the digits and distils it into a small student.

Field: distillation
Metric: student test accuracy, higher is better; 0.0963 without learning
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

TEMPERATURE = 3.0
ALPHA = 0.8


def batches(x, y, size=64):
    """Yields shuffled mini-batches."""
    order = torch.randperm(len(x))
    for start in range(0, len(x), size):
        rows = order[start : start + size]
        yield x[rows], y[rows]


def train_teacher(teacher, x, y, epochs=10):
    """Ordinary supervised training."""
    optimizer = torch.optim.Adam(teacher.parameters(), lr=1e-3, weight_decay=1e-4)
    teacher.train()
    for _ in range(epochs):
        for xb, yb in batches(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(teacher(xb), yb)
            loss.backward()
            optimizer.step()
    print(f"teacher: last loss {loss.item():.4f}")


def distillation_loss(student_logits, teacher_logits, targets):
    """Softened divergence, scaled back by the squared temperature, and the hard labels."""
    soft = F.kl_div(
        F.log_softmax(student_logits / TEMPERATURE, dim=1),
        F.softmax(teacher_logits / TEMPERATURE, dim=1),
        reduction="batchmean",
    )
    hard = F.cross_entropy(student_logits, targets)
    return ALPHA * TEMPERATURE**2 * soft + (1 - ALPHA) * hard


def train_student(student, teacher, x, y, epochs=20):
    """Trains on the teacher's probabilities; the teacher stays as it is."""
    teacher.eval()
    optimizer = torch.optim.SGD(student.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        student.train()
        total = 0.0
        for xb, yb in batches(x, y):
            with torch.no_grad():
                teacher_logits = teacher(xb)
            loss = distillation_loss(student(xb), teacher_logits, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        scheduler.step()
        if epoch % 5 == 4:
            print(f"student: epoch {epoch + 1}, loss {total / len(x):.4f}")


@torch.no_grad()
def accuracy(model, x, y):
    """The share of right answers."""
    model.eval()
    return (model(x).argmax(dim=1) == y).double().mean().item()


def main():
    """Trains both and scores the student."""
    torch.manual_seed(0)
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(digits.data, digits.target, test_size=0.3, random_state=0)
    x_train, x_test = (torch.tensor(a / 16.0, dtype=torch.float32) for a in (x_train, x_test))
    y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

    teacher = nn.Sequential(
        nn.Linear(64, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )
    student = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
    train_teacher(teacher, x_train, y_train)
    print(f"teacher accuracy {accuracy(teacher, x_test, y_test):.4f}")
    train_student(student, teacher, x_train, y_train)
    print(f"student test accuracy {accuracy(student, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
