"""Choose the directions in which a loss is plotted: random and filter-normalised, or Hessian eigenvectors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.landscape.eigenpairs import Eigenpair
from descend.landscape.loss import Theta
from descend.landscape.plane import Direction, Plane
from descend.landscape.vectors import flat, normal_like, shaped

MOST_AXES = 2


def random_plane(theta: Theta, *, axes: int = 2, seed: int = 0) -> Plane:
    """Return the plane through `theta` along two random filter-normalised directions, or the line along one.

    Parameters
    ----------
    theta : sequence of torch.Tensor
        The parameters at the origin of the plane.
    axes : int
        The number of directions: 1 or 2.
    seed : int
        The seed of the directions.

    Returns
    -------
    Plane
        The plane, or the line.

    Raises
    ------
    ValueError
        If every filter is 0, because then a direction has no scale, and for complex parameters.
    """
    if any(t.is_complex() for t in theta):
        raise ValueError("a parameter is complex: random directions need real parameters")
    seeds = range(MOST_AXES * seed, MOST_AXES * seed + axes)  # Planes with different seeds have no direction in common.
    drawn = (shaped(normal_like(flat(theta), each), theta) for each in seeds)
    return Plane(tuple(t.detach() for t in theta), tuple(filter_normalised(d, theta) for d in drawn))


def filter_normalised(direction: Sequence[Tensor], theta: Theta) -> Direction:
    """Return a direction in which each filter has the norm of the same filter of `theta` (Li et al. 2018, §4).

    A filter holds the weights of one output unit or channel: the slice of a parameter along its first dimension.
    Parameters with fewer than two dimensions (biases, normalisation) do not change along the direction. If all
    parameters are such, each of them is one filter.

    Parameters
    ----------
    direction : sequence of torch.Tensor
        The direction, with the shapes of the parameters.
    theta : sequence of torch.Tensor
        The parameters.

    Returns
    -------
    tuple of torch.Tensor
        The scaled direction.

    Raises
    ------
    ValueError
        If every filter of `theta` is 0.
    """
    has_filters = any(t.dim() > 1 for t in theta)
    made = tuple(_scale_filters(d, t.detach(), has_filters) for d, t in zip(direction, theta, strict=True))
    if not any(bool(d.count_nonzero()) for d in made):
        raise ValueError("every filter of the parameters is 0, so a random direction cannot be scaled to their norms")
    return made


def _scale_filters(direction: Tensor, parameter: Tensor, has_filters: bool) -> Tensor:
    """Return one parameter's part of a direction, with each filter scaled to the norm of the parameter's filter."""
    if parameter.dim() < 2:
        if has_filters:
            return torch.zeros_like(parameter)
        return direction * _norm_ratios(parameter.reshape(1, -1), direction.reshape(1, -1)).reshape(())
    ratio = _norm_ratios(parameter.flatten(1), direction.flatten(1))
    return direction * ratio.view(-1, *(1,) * (parameter.dim() - 1))


def _norm_ratios(filters: Tensor, drawn: Tensor) -> Tensor:
    """Return the norm of each row of `filters` divided by that of `drawn`; 0 where a drawn row is 0.

    filters, drawn: ``(filters, weights)``.
    """
    lengths = drawn.norm(dim=1)
    return torch.where(lengths > 0, filters.norm(dim=1) / lengths, torch.zeros_like(lengths))


def eigen_plane(theta: Theta, pairs: Sequence[Eigenpair]) -> Plane:
    """Return the plane through `theta` along two Hessian eigenvectors of length 1, or the line along one.

    A distance in the plane equals the distance between parameters.

    Parameters
    ----------
    theta : sequence of torch.Tensor
        The parameters at the origin of the plane.
    pairs : sequence of Eigenpair
        One or two eigenpairs.

    Returns
    -------
    Plane
        The plane, or the line.

    Raises
    ------
    ValueError
        For another number of pairs.
    """
    if len(pairs) not in (1, 2):
        raise ValueError(f"a plane has one or two directions, not {len(pairs)}")
    return Plane(tuple(t.detach() for t in theta), tuple(pair.vector for pair in pairs))
