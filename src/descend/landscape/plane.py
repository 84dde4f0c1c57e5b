"""Lines and planes in parameter space, on which a loss can be plotted: θ(a, b) = θ₀ + a·u + b·v."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.loss import Theta

Direction = tuple[Tensor, ...]  # one tensor for each parameter, with the parameter's shape
SAME = 1e-6  # A smaller difference, as a fraction of the length of a vector, is a float32 rounding error.


@dataclass(frozen=True)
class Plane:
    """A line or plane in parameter space: an origin and one or two directions, which are not copied.

    Parameters
    ----------
    origin : tuple of torch.Tensor
        The parameters at the origin.
    directions : tuple of tuple of torch.Tensor
        One or two directions, each with the shapes of the parameters.
    """

    origin: Direction
    directions: tuple[Direction, ...]

    def at(self, position: Sequence[float]) -> list[Tensor]:
        """Return the parameters at a point of the plane. `position`: one coordinate for each direction."""
        moved = [t.detach().clone() for t in self.origin]
        for amount, direction in zip(position, self.directions, strict=True):
            for tensor, change in zip(moved, direction):
                tensor.add_(change, alpha=amount)
        return moved

    def nearest(self, theta: Theta) -> tuple[float, ...]:
        """Return the coordinates of the point on the plane that is nearest to the parameters `theta`."""
        along = torch.zeros(len(self.directions), dtype=torch.float64)
        gram = torch.zeros(len(self.directions), len(self.directions), dtype=torch.float64)
        for k, tensor in enumerate(theta):
            rows = torch.stack([direction[k].detach().reshape(-1) for direction in self.directions]).double()
            along += (rows @ (tensor.detach() - self.origin[k]).reshape(-1).to(rows)).cpu()
            gram += (rows @ rows.T).cpu()
        return tuple(torch.linalg.solve(gram, along).tolist())


def plane_through(points: Sequence[Theta]) -> tuple[Plane, tuple[tuple[float, ...], ...]]:
    """Return the line through two points or the plane through three, and the coordinates of each point.

    The first point is the origin. The second is at distance ‖θ₂ − θ₁‖ along the first axis, and the second axis is
    orthogonal to the first (Garipov et al. 2018). A distance in the plane equals the distance between parameters.

    Parameters
    ----------
    points : sequence of sequence of torch.Tensor
        Two or three points in parameter space.

    Returns
    -------
    tuple
        The line or plane, and the coordinates of each point.

    Raises
    ------
    ValueError
        If two points are the same, or three are on one line.
    """
    if len(points) not in (2, 3):
        raise ValueError(f"a line goes through two points and a plane through three, not {len(points)}")
    origin = tuple(t.detach() for t in points[0])
    directions, positions = list[Direction](), [(0.0,) * (len(points) - 1)]
    for number, point in enumerate(points[1:], 2):
        change = [p.detach() - o for p, o in zip(point, origin, strict=True)]
        length = _inner_product(change, change) ** 0.5
        along = [_inner_product(change, known) for known in directions]
        for amount, known in zip(along, directions):
            change = [c - amount * u for c, u in zip(change, known)]
        rest = _inner_product(change, change) ** 0.5
        if not rest > SAME * length:
            raise ValueError("two of the points are the same" if number == 2 else "the three points are on one line")
        directions.append(tuple(c / rest for c in change))
        positions.append((*along, rest, *(0.0,) * (len(points) - number)))
    return Plane(origin, tuple(directions)), tuple(positions)


def _inner_product(some: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    """Return the inner product of two lists of tensors of the same shapes."""
    return sum(float((a * b).sum(dtype=torch.float64)) for a, b in zip(some, others))
