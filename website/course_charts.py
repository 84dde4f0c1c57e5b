"""The pictures of the course "Why training fails", each computed from the formula of its lesson."""

import math
from collections.abc import Iterator

import torch
from line_chart import Curve, loss_chart, path_chart

from descend.trajectories.rules import chosen
from descend.trajectories.textbook import CONDITION_NUMBER, ravine
from descend.trajectories.trajectory import trajectories


def course_charts() -> Iterator[tuple[str, str]]:
    """Yield the place and the SVG of each picture of the course."""
    yield "learn/course-steps.svg", _paths({"α·λmax = 0.9": 0.9, "1.5": 1.5, "1.95": 1.95}, "SGD(lr={})")
    yield (
        "learn/course-condition.svg",
        loss_chart(
            {f"κ = {kappa}": _ill_conditioned(kappa) for kappa in (10, 100, 1000)},
            "Loss in the flattest direction for three condition numbers",
        ),
    )
    rules = {"SGD": "SGD(lr=1)", "momentum 0.9": "Momentum(lr=0.2, momentum=0.9)", "RMSprop": "RMSprop(lr=0.5)"}
    yield "learn/course-rules.svg", _paths(rules, "{}")
    yield "learn/course-noise.svg", loss_chart(_noisy(), "Loss of noisy gradient descent")
    yield "learn/course-depth.svg", loss_chart(_depth(), "Size of the signal in a deep network", "layer")
    yield "learn/course-saddle.svg", loss_chart(_saddle(), "Loss of gradient descent near a saddle point")


def _paths(lines: dict[str, float] | dict[str, str], optimizer: str) -> str:
    """Return the paths on the ravine. lines: name -> what replaces the brackets in `optimizer`."""
    surface = ravine()
    rules = [rule for value in lines.values() for rule in chosen(optimizer.format(value))]
    start = torch.tensor([surface.start], dtype=torch.float64)
    found = trajectories(surface, rules, start, 40)
    paths = {name: path.points[0].tolist() for name, path in zip(lines, found)}
    return path_chart(paths, surface.window, CONDITION_NUMBER, "Paths on an ill-conditioned quadratic")


def _ill_conditioned(kappa: int) -> Curve:
    """Return the loss in the flattest direction as a share of its first value, for the learning rate 1/λmax."""
    losses = ((step, (1 - 1 / kappa) ** (2 * step)) for step in range(300))
    return [(step, loss) for step, loss in losses if loss > 1e-4]


def _noisy() -> dict[str, Curve]:
    """Return the mean loss of SGD on ½x² with noise of variance 1, for constant and falling learning rates."""
    draws = torch.randn(300, 2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def run(rate: float, falls: bool) -> Curve:
        x, curve = torch.full((2000,), 3.0, dtype=torch.float64), []
        for step, noise in enumerate(draws):
            curve.append((step, float((x**2).mean()) / 2))
            x = x - rate * (1 - step / len(draws) if falls else 1) * (x + noise)
        return curve

    return {"lr 0.3": run(0.3, False), "lr 0.03": run(0.03, False), "0.3, falling to 0": run(0.3, True)}


def _depth() -> dict[str, Curve]:
    """Return the root mean square of the outputs of 30 layers with ReLU, for three variances of the weights."""
    width, depth, curves = 256, 30, {}
    for name, factor in (("variance 1/n", 1.0), ("2/n (Kaiming)", 2.0), ("3/n", 3.0)):
        draws = torch.Generator().manual_seed(0)
        signal, curve = torch.randn(64, width, generator=draws), []
        for layer in range(depth):
            curve.append((layer, float(signal.square().mean().sqrt())))
            weights = torch.randn(width, width, generator=draws) * math.sqrt(factor / width)
            signal = (signal @ weights).relu()
        curves[name] = curve
    return curves


def _saddle() -> dict[str, Curve]:
    """Return the loss x² − y² + ½y⁴ + 1 of gradient descent with lr 0.05 from x = 1 and three values of y."""
    curves = {}
    for exponent in (1, 4, 8):
        x, y, curve = 1.0, 10.0**-exponent, []
        for step in range(250):
            curve.append((step, x**2 - y**2 + y**4 / 2 + 1))
            x, y = x - 0.05 * 2 * x, y - 0.05 * (2 * y**3 - 2 * y)
        curves[f"distance 1e-{exponent}"] = curve
    return curves
