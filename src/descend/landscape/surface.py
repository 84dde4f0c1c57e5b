"""Compute a loss on a line or plane in parameter space, point by point."""

from collections.abc import Iterator
from math import nan

import torch

from descend.core.grid import Grid, Place
from descend.landscape.loss import Loss
from descend.landscape.plane import Plane


def surface(loss: Loss, plane: Plane, grid: Grid, points: int) -> Iterator[tuple[Place, float]]:
    """Compute the loss at the points of a grid that have no value yet; yield the place and the loss of each.

    The values are stored in `grid.values`, and a later call continues from them. Infinite values and NaN are kept. A
    failed matrix decomposition gives NaN.

    Parameters
    ----------
    loss : Loss
        The loss.
    plane : Plane
        The plane or line on which the loss is computed.
    grid : Grid
        The grid of coordinates, with the values so far.
    points : int
        The number of points of the grid that are computed in all.

    Returns
    -------
    iterator of tuple
        The place of each computed point in the grid, and the loss there.

    Raises
    ------
    ValueError
        If grid and plane differ in their number of axes.
    """
    if len(grid.ranges) != len(plane.directions):
        raise ValueError(f"the grid has {len(grid.ranges)} axes, but the plane has {len(plane.directions)}")
    for place in grid.points_to_compute(points):
        try:
            value = loss.value(plane.at(grid.position(place)))
        except torch.linalg.LinAlgError:
            value = nan
        grid.values[place] = value
        yield place, value
