"""A function of two parameters: value, gradient and Hessian at many points, and the window that is plotted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, radians, sin

import torch
from torch import Tensor

from descend.landscape import Loss

Function = Callable[[Tensor, Tensor], Tensor]
Point = tuple[float, float]
FAR = 1000  # distance from the window's centre, in window sizes, from which a point counts as diverged


@dataclass(frozen=True)
class Surface:
    """A function J(x, y) that works elementwise on two tensors, with the `window` to plot and a default `start`.

    Parameters
    ----------
    name : str
        The name of the function.
    formula : str
        The formula, for display.
    source : str
        The reference.
    function : callable
        The function of two tensors x and y.
    window : tuple
        The lower and upper limits of x, and those of y.
    start : tuple of float
        The default starting point.
    minima : tuple
        The known minima.
    lowest : float, optional
        The value at the minima, or the largest known lower bound.
    axes : tuple of str
        The names of the axes.
    """

    name: str
    formula: str
    source: str
    function: Function
    window: tuple[Point, Point]  # (lower, upper) limits of x and of y
    start: Point
    minima: tuple[Point, ...] = ()  # known minima
    lowest: float | None = None  # value of the function at the minima, or its largest known lower bound
    axes: tuple[str, str] = ("x", "y")

    def cost(self, points: Tensor) -> Tensor:
        """Return the values of the function at points ``(..., 2)``, with shape ``(...)``."""
        with torch.no_grad():
            return self.function(*points.unbind(-1))

    def gradient(self, points: Tensor) -> Tensor:
        """Return the gradients of the function at points; points and gradients are ``(points, 2)``."""
        at = points.detach().requires_grad_()
        with torch.enable_grad():
            total = self.function(*at.unbind(-1)).sum()
        return torch.autograd.grad(total, at)[0]

    def hessian(self, point: Point) -> Tensor:
        """Return the function's Hessian ``(2, 2)`` at a point. Raises `CurvatureUnavailable` if it does not exist."""
        theta = [torch.tensor(point, dtype=torch.float64)]
        products = Loss((lambda at: self.function(*at[0].unbind(-1)),)).hessian(theta)
        return torch.stack([products.products([axis])[0][0] for axis in torch.eye(2, dtype=torch.float64)])

    def cost_above_minimum(self, cost: Tensor) -> Tensor:
        """Return costs minus the lowest value of the function, clamped above 0; unchanged if that value is unknown."""
        return cost if self.lowest is None else (cost - self.lowest).clamp_min(torch.finfo(torch.float64).tiny)

    def distance_to_minimum(self, point: Tensor) -> float | None:
        """Return the distance of a point ``(2,)`` from the nearest known minimum; None if no minimum is known."""
        if not self.minima:
            return None
        return float((torch.tensor(self.minima, dtype=torch.float64) - point).norm(dim=-1).min())

    def has_left(self, points: Tensor) -> Tensor:
        """Return which points ``(..., 2)`` are not finite or too far from the window (see `FAR`), as bool ``(...)``."""
        return ~(
            self.distance_in_windows(points) <= FAR
        )  # A comparison with NaN is False, so NaN counts as having left.

    def distance_in_windows(self, points: Tensor) -> Tensor:
        """Return the distances ``(...)`` of points ``(..., 2)`` from the window's centre, in window sizes.

        The larger distance of the two coordinates counts.
        """
        low, high = torch.tensor(self.window, dtype=torch.float64).T
        return ((points - (low + high) / 2) / (high - low)).abs().amax(-1)

    def grid(self, cells: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Return evenly spaced x and y in the window, and the cost of each combination of them, ``(ys, xs)``."""
        x, y = (torch.linspace(*ends, count, dtype=torch.float64) for ends, count in zip(self.window, cells))
        return x, y, self.cost(torch.stack(torch.meshgrid(x, y, indexing="xy"), -1))

    def starts(self, side: int) -> Tensor:
        """Return starting points ``(side² + 1, 2)``: the default, and the centres of side × side cells of a grid."""
        x, y = (
            low + (high - low) * (torch.arange(side, dtype=torch.float64) + 0.5) / side for low, high in self.window
        )
        return torch.cat([torch.tensor([self.start], dtype=torch.float64), torch.cartesian_prod(x, y).view(-1, 2)])

    def rotated(self, degrees: float) -> "Surface":
        """Return the surface with its start and minima rotated about the window's centre; the new window is square.

        Rotation changes the path of optimizers that scale each coordinate, and not of those that follow the gradient.
        """
        if not degrees:
            return self
        (left, right), (low, high) = self.window
        middle, half = ((left + right) / 2, (low + high) / 2), max(right - left, high - low) / 2
        c, s = cos(radians(degrees)), sin(radians(degrees))

        def rotated_point(point: Point) -> Point:
            """Rotate a point about the window's centre."""
            x, y = point[0] - middle[0], point[1] - middle[1]
            return middle[0] + c * x - s * y, middle[1] + s * x + c * y

        def rotated_function(x: Tensor, y: Tensor) -> Tensor:
            """Return the original function's values at the points that the rotation moves to (x, y)."""
            u, v = x - middle[0], y - middle[1]
            return self.function(middle[0] + c * u + s * v, middle[1] - s * u + c * v)

        return replace(
            self,
            formula=f"{self.formula}, rotated by {degrees:g}°",
            function=rotated_function,
            window=((middle[0] - half, middle[0] + half), (middle[1] - half, middle[1] + half)),
            start=rotated_point(self.start),
            minima=tuple(map(rotated_point, self.minima)),
        )
