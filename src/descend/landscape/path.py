"""Compute the plane of a training path's largest changes: the principal components (Li et al. 2018, §7.2)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.landscape.loss import Theta
from descend.landscape.plane import SAME, Direction, Plane


@dataclass(frozen=True)
class PathPlane:
    """The plane of the first principal components of a training path, and the path's projection onto it.

    Parameters
    ----------
    plane : Plane
        The plane.
    positions : tuple of tuple of float
        The coordinates of each snapshot in the plane.
    shares : tuple of float
        The fraction of the squared distances from the origin along each axis.
    by_chance : float
        The sum of the shares that a random walk in very many dimensions would have, observed at the same steps.
    """

    plane: Plane
    positions: tuple[tuple[float, ...], ...]
    shares: tuple[float, ...]
    by_chance: float


def path_plane(
    snapshots: Sequence[Theta], steps: Sequence[int] | None = None, *, origin: int = -1, axes: int = 2
) -> PathPlane:
    """Return the plane through one snapshot of the parameters, number `origin`, that is nearest to all snapshots.

    The axes are orthonormal and point from the first snapshot to the last.

    Parameters
    ----------
    snapshots : sequence of sequence of torch.Tensor
        The parameters at several steps of a training.
    steps : sequence of int, optional
        The step number of each snapshot. Default: evenly spaced.
    origin : int
        The index of the snapshot at the origin of the plane.
    axes : int
        The number of axes: 1 or 2.

    Returns
    -------
    PathPlane
        The plane, and the path's projection onto it.

    Raises
    ------
    ValueError
        If the snapshots span fewer directions than `axes`.
    """
    centre = tuple(t.detach() for t in snapshots[origin])
    gram = sum((rows @ rows.T).cpu() for rows in map(torch.Tensor.double, _differences(snapshots, centre)))
    values, vectors = torch.linalg.eigh(torch.as_tensor(gram))
    if len(values) < axes or not values[-axes] > SAME**2 * values[-1]:
        known = "do not move" if not values[-1] > 0 else "move along one straight line"
        raise ValueError(f"the parameters {known}, so they do not span a {'plane' if axes == 2 else 'line'}")
    directions = []
    for k in range(1, axes + 1):
        weights = vectors[:, -k] / values[-k].sqrt()
        forward = 1.0 if float(vectors[-1, -k]) >= float(vectors[0, -k]) else -1.0
        directions.append(_weighted_difference(snapshots, centre, forward * weights))
    plane = Plane(centre, tuple(directions))
    shares = tuple(float(values[-k] / values.sum()) for k in range(1, axes + 1))
    positions = tuple(plane.nearest(snapshot) for snapshot in snapshots)
    return PathPlane(plane, positions, shares, _random_walk_share(steps or range(len(snapshots)), origin, axes))


def _differences(snapshots: Sequence[Theta], centre: Direction) -> Iterator[Tensor]:
    """Yield, for each parameter, the difference of every snapshot from the centre, ``(snapshots, entries)``."""
    for k, tensor in enumerate(centre):
        yield torch.stack([(s[k].detach() - tensor).reshape(-1) for s in snapshots])


def _weighted_difference(snapshots: Sequence[Theta], centre: Direction, weights: Tensor) -> Direction:
    """Return the weighted sum of the differences of the snapshots from the centre. weights: ``(snapshots,)``."""
    made = []
    for rows, like in zip(_differences(snapshots, centre), centre):
        made.append((weights.to(rows) @ rows).view_as(like))
    return tuple(made)


def _random_walk_share(steps: Sequence[int], origin: int, axes: int) -> float:
    """Return the share of the squared distances of a random walk that its first principal components explain.

    The inner product of two positions is the number of steps from the origin that both have in common.
    """
    since = torch.tensor([float(step - steps[origin]) for step in steps], dtype=torch.float64)
    shared = torch.minimum(since[:, None].abs(), since.abs()) * (since[:, None].sign() == since.sign())
    values = torch.linalg.eigvalsh(shared)
    return float(values[-axes:].sum() / values.sum())
