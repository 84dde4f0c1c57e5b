"""The plane in which a run has moved most: the principal components of its parameters (Li et al. 2018, §7.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.loss import Theta
from descend.landscape.plane import SAME, Direction, Plane


@dataclass(frozen=True)
class PathPlane:
    """The plane, where each snapshot lies upon it, and how much of the path it holds.

    shares: of all squared distances from the origin, those along each axis. by_chance: what the axes would hold, added
    up, of a random walk in very many dimensions, observed at the same steps.
    """

    plane: Plane
    positions: tuple[tuple[float, ...], ...]
    shares: tuple[float, ...]
    by_chance: float


def path_plane(
    snapshots: Sequence[Theta], steps: Sequence[int] | None = None, *, origin: int = -1, axes: int = 2
) -> PathPlane:
    """Return the plane through the snapshot at `origin` that lies nearest to all of them; its axes are orthonormal.

    steps: when each was taken, evenly spaced without. The axes go from the first snapshot to the last.
    Raises `ValueError` where the snapshots span fewer directions than there are axes.
    """
    centre = tuple(t.detach() for t in snapshots[origin])
    gram = sum((rows @ rows.T).cpu() for rows in map(torch.Tensor.double, _differences(snapshots, centre)))
    values, vectors = torch.linalg.eigh(torch.as_tensor(gram))
    if len(values) < axes or not values[-axes] > SAME**2 * values[-1]:
        known = "do not move" if not values[-1] > 0 else "move along one straight line"
        raise ValueError(f"the parameters {known}: they span no {'plane' if axes == 2 else 'line'}")
    directions = []
    for k in range(1, axes + 1):
        weights = vectors[:, -k] / values[-k].sqrt()
        forward = 1.0 if float(vectors[-1, -k]) >= float(vectors[0, -k]) else -1.0
        directions.append(_combined(snapshots, centre, forward * weights))
    plane = Plane(centre, tuple(directions))
    shares = tuple(float(values[-k] / values.sum()) for k in range(1, axes + 1))
    positions = tuple(plane.nearest(snapshot) for snapshot in snapshots)
    return PathPlane(plane, positions, shares, _by_chance(steps or range(len(snapshots)), origin, axes))


def _differences(snapshots: Sequence[Theta], centre: Direction) -> Iterator[Tensor]:
    """Yield, for one parameter after another, how far it is from the centre in each snapshot: (snapshots, values)."""
    for k, tensor in enumerate(centre):
        yield torch.stack([(s[k].detach() - tensor).reshape(-1) for s in snapshots])


def _combined(snapshots: Sequence[Theta], centre: Direction, weights: Tensor) -> Direction:
    made = []
    for rows, like in zip(_differences(snapshots, centre), centre):
        made.append((weights.to(rows) @ rows).view_as(like))
    return tuple(made)


def _by_chance(steps: Sequence[int], origin: int, axes: int) -> float:
    """Return the share of a random walk: its inner products from the origin are the times that two places share."""
    since = torch.tensor([float(step - steps[origin]) for step in steps], dtype=torch.float64)
    shared = torch.minimum(since[:, None].abs(), since.abs()) * (since[:, None].sign() == since.sign())
    values = torch.linalg.eigvalsh(shared)
    return float(values[-axes:].sum() / values.sum())
