"""A cost of two parameters: its value, gradient and Hessian at many points at once, and the part that is looked at."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, radians, sin

import torch
from torch import Tensor

from descend.landscape import Loss

Function = Callable[[Tensor, Tensor], Tensor]
Point = tuple[float, float]
FAR = 1000  # windows: a point so far away has diverged


@dataclass(frozen=True)
class Surface:
    """J(x, y), element by element; `window` is what is shown of it, `start` where a trajectory usually begins."""

    name: str
    formula: str
    source: str
    function: Function
    window: tuple[Point, Point]  # (least, most) of x and of y
    start: Point
    minima: tuple[Point, ...] = ()  # those that are known
    lowest: float | None = None  # the cost there, or the bound that it goes down to, where it is known
    axes: tuple[str, str] = ("x", "y")

    def cost(self, points: Tensor) -> Tensor:
        """Return the cost of points, (…, 2) → (…)."""
        with torch.no_grad():
            return self.function(*points.unbind(-1))

    def gradient(self, points: Tensor) -> Tensor:
        """Return the gradient at points, (rows, 2) → (rows, 2)."""
        at = points.detach().requires_grad_()
        with torch.enable_grad():
            total = self.function(*at.unbind(-1)).sum()
        return torch.autograd.grad(total, at)[0]

    def hessian(self, point: Point) -> Tensor:
        """Return the Hessian at a point, (2, 2). Raises `CurvatureUnavailable`."""
        theta = [torch.tensor(point, dtype=torch.float64)]
        products = Loss((lambda at: self.function(*at[0].unbind(-1)),)).hessian(theta)
        return torch.stack([products.products([axis])[0][0] for axis in torch.eye(2, dtype=torch.float64)])

    def above(self, cost: Tensor) -> Tensor:
        """Return costs above the lowest that is known; as they are where none is."""
        return cost if self.lowest is None else (cost - self.lowest).clamp_min(torch.finfo(torch.float64).tiny)

    def distance(self, point: Tensor) -> float | None:
        """Return how far a point is from the nearest minimum that is known; None where none is."""
        if not self.minima:
            return None
        return float((torch.tensor(self.minima, dtype=torch.float64) - point).norm(dim=-1).min())

    def has_left(self, points: Tensor) -> Tensor:
        """Tell which points are not finite, or `FAR` windows away: (…, 2) → (…) of bool."""
        return ~(self.windows_away(points) <= FAR)  # NaN compares as False

    def windows_away(self, points: Tensor) -> Tensor:
        """Return how far points are from the middle of the window, in its widths and heights: (…, 2) → (…)."""
        low, high = torch.tensor(self.window, dtype=torch.float64).T
        return ((points - (low + high) / 2) / (high - low)).abs().amax(-1)

    def grid(self, cells: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Return even points of x and of y through the window, and the cost there: (ys, xs)."""
        x, y = (torch.linspace(*ends, count, dtype=torch.float64) for ends, count in zip(self.window, cells))
        return x, y, self.cost(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1))

    def starts(self, side: int) -> Tensor:
        """Return the usual start and the middles of side × side equal parts of the window: (side² + 1, 2)."""
        x, y = (
            low + (high - low) * (torch.arange(side, dtype=torch.float64) + 0.5) / side for low, high in self.window
        )
        return torch.cat([torch.tensor([self.start], dtype=torch.float64), torch.cartesian_prod(x, y).view(-1, 2)])

    def rotated(self, degrees: float) -> "Surface":
        """Return the surface, its start and its minima turned about the middle of the window; the window is a square.

        Turned surfaces tell rules that go by the gradient alone from those that go coordinate by coordinate.
        """
        if not degrees:
            return self
        (left, right), (low, high) = self.window
        middle, half = ((left + right) / 2, (low + high) / 2), max(right - left, high - low) / 2
        c, s = cos(radians(degrees)), sin(radians(degrees))

        def turned(point: Point) -> Point:
            x, y = point[0] - middle[0], point[1] - middle[1]
            return middle[0] + c * x - s * y, middle[1] + s * x + c * y

        def function(x: Tensor, y: Tensor) -> Tensor:
            u, v = x - middle[0], y - middle[1]
            return self.function(middle[0] + c * u + s * v, middle[1] - s * u + c * v)

        return replace(
            self,
            formula=f"{self.formula}, turned by {degrees:g}°",
            function=function,
            window=((middle[0] - half, middle[0] + half), (middle[1] - half, middle[1] + half)),
            start=turned(self.start),
            minima=tuple(map(turned, self.minima)),
        )
