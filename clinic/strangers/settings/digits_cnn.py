"""Small convolutional network for the 8x8 digits that come with scikit-learn."""
from __future__ import annotations

import random
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass(frozen=True)
class Config:
    epochs: int = 20
    batch_size: int = 64
    lr: float = 3e-3
    weight_decay: float = 1e-2
    channels: int = 32
    dropout: float = 0.2
    test_size: float = 0.25
    seed: int = 3


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def load_data(cfg: Config) -> tuple[DataLoader, DataLoader]:
    digits = load_digits()
    images = digits.images.astype(np.float32)[:, None] / 16.0
    labels = digits.target.astype(np.int64)
    x_train, x_test, y_train, y_test = train_test_split(
        images, labels, test_size=cfg.test_size, stratify=labels, random_state=cfg.seed
    )
    mean, std = x_train.mean(), x_train.std()

    def dataset(x: np.ndarray, y: np.ndarray) -> TensorDataset:
        return TensorDataset(torch.from_numpy((x - mean) / std), torch.from_numpy(y))

    train = DataLoader(dataset(x_train, y_train), batch_size=cfg.batch_size, shuffle=True, drop_last=True)
    test = DataLoader(dataset(x_test, y_test), batch_size=256)
    return train, test


class DigitNet(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        c = cfg.channels
        self.features = nn.Sequential(
            nn.Conv2d(1, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(c, 2 * c, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * c),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(cfg.dropout),
            nn.Linear(2 * c * 2 * 2, 10),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x))


def train_one_epoch(model, loader, optimizer, scheduler) -> float:
    model.train()
    total, count = 0.0, 0
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(y)
        count += len(y)
    return total / count


@torch.inference_mode()
def evaluate(model, loader) -> tuple[float, float]:
    model.eval()
    loss, correct, count = 0.0, 0, 0
    for x, y in loader:
        logits = model(x)
        loss += F.cross_entropy(logits, y, reduction="sum").item()
        correct += (logits.argmax(1) == y).sum().item()
        count += len(y)
    return loss / count, correct / count


def main() -> None:
    cfg = Config()
    print(asdict(cfg))
    seed_everything(cfg.seed)
    train_loader, test_loader = load_data(cfg)
    model = DigitNet(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=cfg.lr, total_steps=cfg.epochs * len(train_loader)
    )
    for epoch in range(cfg.epochs):
        train_loss = train_one_epoch(model, train_loader, optimizer, scheduler)
        print(f"[{epoch + 1:02d}/{cfg.epochs}] train loss {train_loss:.4f}")
    test_loss, test_acc = evaluate(model, test_loader)
    print(f"test loss {test_loss:.4f}  test accuracy {test_acc:.4f}")


if __name__ == "__main__":
    main()
