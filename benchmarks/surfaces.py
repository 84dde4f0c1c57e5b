"""Loss surfaces: evaluations for each drawn place, the gain of refining, and the time of a value."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from scipy.interpolate import RegularGridInterpolator
from side_by_side import paired
from sklearn.datasets import load_digits
from torch import Tensor, nn

from descend.core.grid import FINEST, Grid
from descend.landscape import Loss, Plane, loss_of, random_plane, surface, trained

EXAMPLES, SIDE, PAIRS = 256, 51, 5
SQUARE = ((-1.0, 1.0), (-1.0, 1.0))


def network(unit: type[nn.Module], steps: int = 200) -> tuple[nn.Module, Tensor, Tensor]:
    """Return a network that was trained on the digits (4 810 parameters), and the examples of its loss."""
    torch.manual_seed(0)
    digits = load_digits()
    inputs, labels = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
    model = nn.Sequential(nn.Linear(64, 64), unit(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        chosen = torch.randint(len(inputs), (64,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs[chosen]), labels[chosen]).backward()
        optimizer.step()
    return model, inputs[:EXAMPLES], labels[:EXAMPLES]


def counted(loss: Loss) -> tuple[Loss, list[int]]:
    """Return the loss, and a list that grows by one at each evaluation."""
    evaluated: list[int] = []

    def part(theta: Tensor) -> Tensor:
        evaluated.append(1)
        return loss.parts[0](theta)

    return Loss((part,)), evaluated


def evaluations() -> Iterator[str]:
    """Yield a row for each surface: evaluations for each drawn place, without and with an interruption."""
    model, *batch = network(nn.ReLU)
    at = trained(model)
    for name, axes, points in (("plane", 2, SIDE**2), ("plane", 2, 625), ("line", 1, 65)):
        plane = random_plane(at, axes=axes)
        loss, evaluated = counted(loss_of(model, nn.functional.cross_entropy, [batch]))
        grid = Grid(SQUARE[:axes])
        list(surface(loss, plane, grid, points))
        whole = len(evaluated) / len(grid.values)
        evaluated.clear()
        part = Grid(SQUARE[:axes])
        list(surface(loss, plane, part, points // 3))
        again = Grid(SQUARE[:axes], dict(part.values))
        list(surface(loss, plane, again, points))
        assert again.values == grid.values
        yield f"| {name} | {points} | {whole:.3f} | {len(evaluated) / len(again.values):.3f} |"


def refinement() -> Iterator[str]:
    """Yield a row for each surface: the errors of equally many points on the refined and on a regular grid.

    The error is the root of the mean square over the finest grid, as a share of the range, on the scale that is drawn.
    """
    for name, unit in (("a network of rectifiers", nn.ReLU), ("a network of tanh", nn.Tanh)):
        model, *batch = network(unit)
        loss, plane = loss_of(model, nn.functional.cross_entropy, [batch]), random_plane(trained(model))
        whole = Grid(SQUARE)
        list(surface(loss, plane, whole, whole.point_count))
        yield from _errors(name, whole)
    for name, cost in (("a ravine, log scale", _ravine), ("a kink", _kink)):
        whole = Grid(SQUARE)
        for place in whole.points_to_compute(whole.point_count):
            whole.values[place] = cost(*whole.position(place))
        yield from _errors(name, whole)


def _ravine(x: float, y: float) -> float:
    return 0.05 * x * x + 30 * (y - 0.5 * x * x) ** 2 + 1e-3


def _kink(x: float, y: float) -> float:
    return abs(x + 0.3 * y) + 0.1 * x * x


def _errors(name: str, whole: Grid) -> Iterator[str]:
    """Yield the errors of the refined grid, and of a regular grid with linear and with cubic interpolation."""
    scale = whole.scale()
    fine, true = np.linspace(-1, 1, FINEST[2] + 1), np.array(whole.interpolated_rows(scale))
    known = RegularGridInterpolator((fine, fine), true, method="cubic")  # even places lie between those of the finest
    points = np.stack(np.meshgrid(fine, fine), -1)[..., ::-1]
    for side in (25, SIDE):
        grid = Grid(SQUARE)
        for place in grid.points_to_compute(side * side):
            grid.values[place] = whole.values[place]
        even = np.linspace(-1, 1, side)
        values = known(np.stack(np.meshgrid(even, even), -1)[..., ::-1])
        lines, spline = (RegularGridInterpolator((even, even), values, method=m)(points) for m in ("linear", "cubic"))
        errors = [
            np.sqrt(np.mean((drawn - true) ** 2)) for drawn in (np.array(grid.interpolated_rows(scale)), lines, spline)
        ]
        shares = " | ".join(f"{100 * error / np.ptp(true):.2g} %" for error in errors)
        yield f"| {name} | {side}² | {shares} |"


def seconds() -> Iterator[str]:
    """Yield the time of 51 × 51 values, and its ratio to as many forward passes of the unchanged model."""
    model, inputs, labels = network(nn.ReLU)
    loss = loss_of(model, nn.functional.cross_entropy, [(inputs, labels)])
    plane: Plane = random_plane(trained(model))
    taken: list[float] = []

    def ours() -> float:
        began = time.perf_counter()
        list(surface(loss, plane, Grid(SQUARE), SIDE**2))
        taken.append(time.perf_counter() - began)
        return taken[-1]

    def forward() -> float:
        began = time.perf_counter()
        with torch.no_grad():
            for _ in range(SIDE**2):
                nn.functional.cross_entropy(model(inputs), labels)
        return time.perf_counter() - began

    ratio = paired(ours, forward, PAIRS)
    yield f"| 4 810 parameters, {EXAMPLES} examples | {sorted(taken)[len(taken) // 2]:.2f} s | {ratio} |"
