"""Where rules go on a surface, from many starts at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.trajectories.rules import Chosen
from descend.trajectories.surface import Surface
from descend.trajectories.walks import walks


@dataclass(frozen=True)
class Trajectory:
    """Where one rule went: points (starts, steps + 1, 2) and their cost (starts, steps + 1).

    Both are NaN after the step that left the surface (`Surface.has_left`); `left` (starts,) is its number, or −1.
    """

    rule: Chosen
    points: Tensor
    cost: Tensor
    left: Tensor
    is_equation: bool = False  # not a rule's own steps, but those of the equation behind it

    def diverged(self, start: int = 0) -> int | None:
        """Return the step that left the surface, from one of the starts."""
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
    """Return where each rule goes from each start, (starts, 2) in float64.

    `noise` is the standard deviation of a normal number that is added to each coordinate of the gradient: the same
    draws for every rule and every start. The cost is without it.
    """
    draws = noise * torch.randn(steps, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    going = walks(surface, rules, starts, seed)
    sizes = [len(walk.theta) for walk, _ in going]
    path = [torch.cat([walk.theta for walk, _ in going])]
    for draw in draws:
        gradients = surface.gradient(torch.cat([walk.asks() for walk, _ in going])) + draw
        for (walk, _), gradient in zip(going, gradients.split(sizes)):
            walk.step(gradient, draw)
        path.append(torch.cat([walk.theta for walk, _ in going]))
    order = [place for _, places in going for place in places]
    points = torch.stack(path, 1).view(len(order), len(starts), steps + 1, 2)
    found = {place: seen(surface, rules[place], rows) for place, rows in zip(order, points)}
    return [found[place] for place in range(len(rules))]


def seen(surface: Surface, rule: Chosen, points: Tensor, *, is_equation: bool = False) -> Trajectory:
    """Return points as a trajectory: up to the first that has left the surface."""
    gone = surface.has_left(points)
    left = torch.where(gone.any(-1), gone.int().argmax(-1), -1)
    after = (gone.int().cumsum(-1) > 1) | (gone & ~torch.isfinite(points).all(-1))
    points = torch.where(after.unsqueeze(-1), torch.nan, points)
    return Trajectory(rule, points, surface.cost(points), left, is_equation)


def packed(surface: Surface, found: Sequence[Trajectory]) -> bytes:
    """Return x, y and `Surface.above` of every trajectory, start and step in turn, as little-endian float32."""
    rows = torch.stack([torch.cat([one.points, surface.above(one.cost).unsqueeze(-1)], -1) for one in found])
    return rows.float().numpy().astype("<f4").tobytes()
