"""A line or a plane of parameters, upon which a loss is looked at: θ(a, b) = θ₀ + a·u + b·v."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.loss import Theta

Direction = tuple[Tensor, ...]  # shaped as the parameters
SAME = 1e-6  # of a length: what is shorter beside it is rounding in float32


@dataclass(frozen=True)
class Plane:
    """An origin and one or two directions from it, each shaped as the parameters. What it is given is not copied."""

    origin: Direction
    directions: tuple[Direction, ...]

    def at(self, position: Sequence[float]) -> list[Tensor]:
        """Return the parameters at a position, one number for each direction."""
        moved = [t.detach().clone() for t in self.origin]
        for amount, direction in zip(position, self.directions, strict=True):
            for tensor, change in zip(moved, direction):
                tensor.add_(change, alpha=amount)
        return moved

    def nearest(self, theta: Theta) -> tuple[float, ...]:
        """Return the position of the point nearest to `theta`."""
        along = torch.zeros(len(self.directions), dtype=torch.float64)
        gram = torch.zeros(len(self.directions), len(self.directions), dtype=torch.float64)
        for k, tensor in enumerate(theta):
            rows = torch.stack([direction[k].detach().reshape(-1) for direction in self.directions]).double()
            along += (rows @ (tensor.detach() - self.origin[k]).reshape(-1).to(rows)).cpu()
            gram += (rows @ rows.T).cpu()
        return tuple(torch.linalg.solve(gram, along).tolist())


def plane_through(points: Sequence[Theta]) -> tuple[Plane, tuple[tuple[float, ...], ...]]:
    """Return the line through two points or the plane through three, and the position of each.

    The first lies at the origin, the second at distance ‖θ₂ − θ₁‖ along the first axis; the second axis is orthogonal
    to it (Garipov et al. 2018). Distances are those between parameters. Raises `ValueError` where two points are
    the same or three lie on one line.
    """
    if len(points) not in (2, 3):
        raise ValueError(f"a line goes through two points and a plane through three, not {len(points)}")
    origin = tuple(t.detach() for t in points[0])
    directions, positions = list[Direction](), [(0.0,) * (len(points) - 1)]
    for number, point in enumerate(points[1:], 2):
        change = [p.detach() - o for p, o in zip(point, origin, strict=True)]
        length = _dot(change, change) ** 0.5
        along = [_dot(change, known) for known in directions]
        for amount, known in zip(along, directions):
            change = [c - amount * u for c, u in zip(change, known)]
        rest = _dot(change, change) ** 0.5
        if not rest > SAME * length:
            raise ValueError("two of the points are the same" if number == 2 else "the three points lie on one line")
        directions.append(tuple(c / rest for c in change))
        positions.append((*along, rest, *(0.0,) * (len(points) - number)))
    return Plane(origin, tuple(directions)), tuple(positions)


def _dot(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    return sum(float((a * b).sum(dtype=torch.float64)) for a, b in zip(some, others))
