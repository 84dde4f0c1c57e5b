"""A loss upon a line or a plane of its parameters, value by value."""

from collections.abc import Iterator
from math import nan

import torch

from descend.ground.grid import Grid, Place
from descend.landscape.loss import Loss
from descend.landscape.plane import Plane


def surface(loss: Loss, plane: Plane, grid: Grid, points: int) -> Iterator[tuple[Place, float]]:
    """Compute the loss at the places that the grid still wants for `points` in all; yield each and its value.

    The values gather in `grid.values`: what is there when it ends, or is broken off, is where another call goes on.
    A value that is infinite or no number is kept; where a matrix has no decomposition it is no number.
    Raises `ValueError` where the grid and the plane have not as many axes.
    """
    if len(grid.ranges) != len(plane.directions):
        raise ValueError(f"the grid has {len(grid.ranges)} axes and the plane {len(plane.directions)}")
    for place in grid.wanted(points):
        try:
            value = loss.value(plane.at(grid.position(place)))
        except torch.linalg.LinAlgError:
            value = nan
        grid.values[place] = value
        yield place, value
