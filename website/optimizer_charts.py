"""The pictures on an optimizer's page: its path on an ill-conditioned surface, and its training loss on digits.

SGD is drawn for comparison. Each optimizer has its best learning rate of a search; the text below the picture names it.
"""

import math
from functools import cache
from pathlib import Path
from typing import Any

import torch
from kept import kept, source_of
from line_chart import loss_chart, path_chart
from sklearn.datasets import load_digits
from torch import Tensor, nn

from descend import optim
from descend.trajectories.rates import with_rates
from descend.trajectories.rules import OWN_RATE, chosen
from descend.trajectories.textbook import CONDITION_NUMBER, ravine
from descend.trajectories.trajectory import trajectories

ROOT = Path(__file__).parents[1]
STEPS_ON_RAVINE, EPOCHS, BATCH_SIZE = 60, 10, 64
TRIED = [10 ** (power / 2) for power in range(-8, 5)]
FULL_BATCH = ("Rprop", "DeltaBarDelta")  # their papers define them for gradients of all examples


def ravine_chart(name: str) -> tuple[str, str]:
    """Return the picture of an optimizer's path on the ravine as SVG, and the learning rates as text."""
    surface = ravine()
    names = list(dict.fromkeys((name, "SGD")))
    rules = with_rates(surface, [rule for each in names for rule in chosen(each)], STEPS_ON_RAVINE)
    start = torch.tensor([surface.start], dtype=torch.float64)
    paths = {
        rule.name: path.points[0].tolist()
        for rule, path in zip(rules, trajectories(surface, rules, start, STEPS_ON_RAVINE))
    }
    title = f"Path of {name} on an ill-conditioned quadratic"
    return path_chart(paths, surface.window, CONDITION_NUMBER, title), ", ".join(f"{r.name} {r.lr:g}" for r in rules)


def digits_chart(name: str) -> tuple[str, str]:
    """Return the picture of an optimizer's training loss on digits as SVG, and the learning rates as text."""
    found = {each: digits_curve(each) for each in dict.fromkeys((name, "SGD"))}
    curves = {each: list(enumerate(losses)) for each, (_, losses) in found.items()}
    return loss_chart(curves, f"Training loss of {name} on digits"), ", ".join(
        f"{n} {lr:.2g}" for n, (lr, _) in found.items()
    )


def digits_curve(name: str) -> tuple[float, list[float]]:
    """Return an optimizer's best learning rate on digits, and its training losses."""
    sources = source_of(Path(__file__), ROOT / "src" / "descend" / "optim")
    lr, losses = kept(f"digits-{name}", sources, lambda: _search(name))
    return lr, losses


def _search(name: str) -> tuple[float, list[float]]:
    """Return the learning rate with the lowest mean log loss in the last tenth of the steps, and its losses."""
    kind = getattr(optim, name)
    runs = [(lr, _train(kind, lr)) for lr in ([1.0] if name in OWN_RATE else TRIED)]

    def final_loss(run: tuple[float, list[float]]) -> float:
        last = run[1][-len(run[1]) // 10 :]
        return math.fsum(map(math.log, last)) / len(last) if all(0 < v < math.inf for v in last) else math.inf

    return min(runs, key=final_loss)


def _train(kind: Any, lr: float) -> list[float]:
    """Train a network with one hidden layer on digits, and return the loss of each step."""
    inputs, labels = _digits()
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = kind(model.parameters(), lr=lr)
    losses = []
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(inputs)).split(BATCH_SIZE):
            x, y = (inputs, labels) if kind.__name__ in FULL_BATCH else (inputs[rows], labels[rows])

            def closure(x: Tensor = x, y: Tensor = y) -> Tensor:
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(x), y)
                loss.backward()
                return loss

            if isinstance(optimizer, optim.SophiaG) and len(losses) % 10 == 0:
                optimizer.update_curvature(model(x))
            losses.append(optimizer.step(closure).item())
            if not math.isfinite(losses[-1]):
                return losses
    return losses


@cache
def _digits() -> tuple[Tensor, Tensor]:
    """Return the standardised pixels of the digits, and their labels."""
    digits = load_digits()
    pixels = torch.tensor(digits.data, dtype=torch.float32)
    return (pixels - pixels.mean(0)) / pixels.std(0).clamp(min=1e-6), torch.tensor(digits.target)
