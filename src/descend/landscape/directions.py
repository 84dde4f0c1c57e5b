"""The directions along which a loss is looked at: random ones as long as the weights, or those of most curvature."""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.landscape.eigenpairs import Eigenpair
from descend.landscape.loss import Theta
from descend.landscape.plane import Direction, Plane
from descend.landscape.vectors import flat, normal_like, shaped

MOST_AXES = 2


def random_plane(theta: Theta, *, axes: int = 2, seed: int = 0) -> Plane:
    """Return a plane (or with one axis a line) through `theta` along random directions, filter-normalised.

    Raises `ValueError` where every filter is 0: there is no scale to give to a direction.
    """
    if any(t.is_complex() for t in theta):
        raise ValueError("a parameter is complex: random directions are drawn for real ones only")
    seeds = range(MOST_AXES * seed, MOST_AXES * seed + axes)  # no direction comes again under another seed
    drawn = (shaped(normal_like(flat(theta), each), theta) for each in seeds)
    return Plane(tuple(t.detach() for t in theta), tuple(filter_normalised(d, theta) for d in drawn))


def filter_normalised(direction: Sequence[Tensor], theta: Theta) -> Direction:
    """Return the direction with each filter as long as the parameters' own filter (Li et al. 2018, §4).

    A filter is all that leads to one output of a layer: the slice of a parameter along its first dimension. What has
    one dimension or none (biases, normalisation) stays as it is; where nothing else is trained, each such parameter
    is one filter. Raises `ValueError` where every filter of `theta` is 0.
    """
    has_filters = any(t.dim() > 1 for t in theta)
    made = tuple(_scaled(d, t.detach(), has_filters) for d, t in zip(direction, theta, strict=True))
    if not any(bool(d.count_nonzero()) for d in made):
        raise ValueError("every filter of the parameters is 0: a direction has no scale to be drawn on")
    return made


def _scaled(direction: Tensor, parameter: Tensor, has_filters: bool) -> Tensor:
    if parameter.dim() < 2:
        if has_filters:
            return torch.zeros_like(parameter)
        return direction * _ratio(parameter.reshape(1, -1), direction.reshape(1, -1)).reshape(())
    ratio = _ratio(parameter.flatten(1), direction.flatten(1))
    return direction * ratio.view(-1, *(1,) * (parameter.dim() - 1))


def _ratio(filters: Tensor, drawn: Tensor) -> Tensor:
    """Return ‖filter‖ / ‖drawn‖, by row; 0 where nothing is drawn."""
    lengths = drawn.norm(dim=1)
    return torch.where(lengths > 0, filters.norm(dim=1) / lengths, torch.zeros_like(lengths))


def eigen_plane(theta: Theta, pairs: Sequence[Eigenpair]) -> Plane:
    """Return a plane (or a line) through `theta` along unit eigenvectors of the Hessian: distances are the parameters'.

    Raises `ValueError` where there are not one or two pairs.
    """
    if len(pairs) not in (1, 2):
        raise ValueError(f"a plane has one direction or two, not {len(pairs)}")
    return Plane(tuple(t.detach() for t in theta), tuple(pair.vector for pair in pairs))
