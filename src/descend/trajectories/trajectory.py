"""Compute the paths of optimizers on a surface, from many starts at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.trajectories.rules import Chosen
from descend.trajectories.surface import Surface
from descend.trajectories.walks import group_into_walks


@dataclass(frozen=True)
class Trajectory:
    """One optimizer's paths, one for each starting point.

    After a path has left the surface, its points and cost are NaN.

    Parameters
    ----------
    rule : Chosen
        The optimizer.
    points : torch.Tensor
        The positions, of shape ``(starts, steps + 1, 2)``.
    cost : torch.Tensor
        The values of the function, of shape ``(starts, steps + 1)``.
    left : torch.Tensor
        The step that left the surface (`Surface.has_left`) or −1, of shape ``(starts,)``.
    is_equation : bool
        Whether the path is that of the differential equation that momentum discretises.
    """

    rule: Chosen
    points: Tensor
    cost: Tensor
    left: Tensor
    is_equation: bool = False  # True for the path of the differential equation that momentum discretises

    def divergence_step(self, start: int = 0) -> int | None:
        """Return the step at which the path from starting point number `start` diverged; None if it did not diverge."""
        step = int(self.left[start])
        return None if step < 0 else step


def trajectories(
    surface: Surface,
    rules: Sequence[Chosen],
    starts: Tensor,
    steps: int = 200,
    *,
    noise: float = 0.0,
    seed: int = 0,
) -> list[Trajectory]:
    """Return the paths of each optimizer from all starting points. The cost has no noise.

    Parameters
    ----------
    surface : Surface
        The surface.
    rules : sequence of Chosen
        The optimizers, each with a learning rate.
    starts : torch.Tensor
        The starting points, of shape ``(points, 2)`` and type float64.
    steps : int
        The number of steps.
    noise : float
        The standard deviation of normal noise on each coordinate of the gradient, with the same draws for all
        optimizers and starts.
    seed : int
        The seed of the noise.

    Returns
    -------
    list of Trajectory
        The paths of each optimizer.
    """
    draws = noise * torch.randn(steps, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    going = group_into_walks(surface, rules, starts, seed)
    sizes = [len(walk.theta) for walk, _ in going]
    path = [torch.cat([walk.theta for walk, _ in going])]
    for draw in draws:
        gradients = surface.gradient(torch.cat([walk.gradient_points() for walk, _ in going])) + draw
        for (walk, _), gradient in zip(going, gradients.split(sizes)):
            walk.step(gradient, draw)
        path.append(torch.cat([walk.theta for walk, _ in going]))
    order = [place for _, places in going for place in places]
    points = torch.stack(path, 1).view(len(order), len(starts), steps + 1, 2)
    found = {place: make_trajectory(surface, rules[place], rows) for place, rows in zip(order, points)}
    return [found[place] for place in range(len(rules))]


def make_trajectory(surface: Surface, rule: Chosen, points: Tensor, *, is_equation: bool = False) -> Trajectory:
    """Convert points ``(starts, steps + 1, 2)`` to a `Trajectory`; points of a path after its divergence become NaN."""
    gone = surface.has_left(points)
    left = torch.where(gone.any(-1), gone.int().argmax(-1), -1)
    after = (gone.int().cumsum(-1) > 1) | (gone & ~torch.isfinite(points).all(-1))
    points = torch.where(after.unsqueeze(-1), torch.nan, points)
    return Trajectory(rule, points, surface.cost(points), left, is_equation)


def packed(surface: Surface, found: Sequence[Trajectory]) -> bytes:
    """Return x, y and the cost above the minimum at each step of all paths, as the bytes of little-endian float32.

    Parameters
    ----------
    surface : Surface
        The surface.
    found : sequence of Trajectory
        The trajectories, all with the same starts and steps.

    Returns
    -------
    bytes
        Three numbers for each step of each path.
    """
    rows = torch.stack(
        [torch.cat([one.points, surface.cost_above_minimum(one.cost).unsqueeze(-1)], -1) for one in found]
    )
    return rows.float().numpy().astype("<f4").tobytes()
