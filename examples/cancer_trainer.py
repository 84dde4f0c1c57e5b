"""Benign or malignant? A network for the Wisconsin breast cancer data."""

from __future__ import annotations

import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--batch-size", type=int, default=48)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--lr", type=float, default=2.0, help="learning rate")
    parser.add_argument("--momentum", type=float, default=0.9)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def load_tensors() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42, stratify=y)
    scaler = StandardScaler().fit(x_train)
    return (
        torch.from_numpy(scaler.transform(x_train)).float(),
        torch.from_numpy(y_train).float(),
        torch.from_numpy(scaler.transform(x_test)).float(),
        torch.from_numpy(y_test).float(),
    )


def build_model(inputs: int, hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.Tanh(),
        nn.Linear(hidden, hidden),
        nn.Tanh(),
        nn.Linear(hidden, 1),
        nn.Flatten(start_dim=0),
    )


class Trainer:
    """Runs the epochs and keeps the history of the training loss."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, batch_size: int) -> None:
        self.model = model
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.loss = nn.BCEWithLogitsLoss()
        self.history: list[float] = []

    def step(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def epoch(self, x: Tensor, y: Tensor) -> float:
        self.model.train()
        losses = [self.step(x[i], y[i]) for i in torch.randperm(len(x)).split(self.batch_size)]
        self.history.append(sum(losses) / len(losses))
        return self.history[-1]

    @torch.no_grad()
    def score(self, x: Tensor, y: Tensor) -> tuple[float, float]:
        self.model.eval()
        logits = self.model(x)
        accuracy = ((logits > 0) == (y > 0.5)).float().mean()
        return self.loss(logits, y).item(), accuracy.item()


def main() -> None:
    args = parse_args()
    torch.manual_seed(args.seed)
    x_train, y_train, x_test, y_test = load_tensors()
    model = build_model(x_train.shape[1], args.hidden)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)
    trainer = Trainer(model, optimizer, args.batch_size)
    for epoch in range(args.epochs):
        loss = trainer.epoch(x_train, y_train)
        if epoch % 5 == 4:
            print(f"[{epoch + 1:3d}/{args.epochs}] loss = {loss:.4f}")
    loss, accuracy = trainer.score(x_train, y_train)
    print(f"final training loss = {loss:.4f}, training accuracy = {accuracy:.3f}")
    print(f"test accuracy = {trainer.score(x_test, y_test)[1]:.3f}")


if __name__ == "__main__":
    main()
