"""Matrices in update rules: division of a parameter group into matrices and vectors, and shapes for computation."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def split_by_shape(name: str, group: Mapping[str, Any], key: str) -> list[tuple[dict[str, Any], list[Tensor]]]:
    """Return a group's matrices and its other parameters, each with its hyper-parameters, in which `key` is a bool.

    `key` says whether the parameters are treated as matrices. A parameter with two or more dimensions is a matrix,
    unless the group's own `key` is False or 0. Raises `RuntimeError` for a complex parameter.
    """
    parts: dict[bool, list[Tensor]] = {True: [], False: []}
    for parameter in group.get("params", ()):
        is_matrix = parameter.dim() >= 2 and group.get(key) in (None, True)
        if parameter.is_complex():
            raise RuntimeError(f"{name} does not support complex parameters")
        parts[is_matrix].append(parameter)
    return [({**group, key: is_matrix}, parameters) for is_matrix, parameters in parts.items() if parameters]


def as_matrix(tensor: Any) -> Tensor:
    """Return a tensor as a contiguous matrix: a weight ``(out, in, height, width)`` is ``(out, in·height·width)``.

    The memory layout is always the same, because that of a factor changes the rounding of a matrix product.
    Raises `TypeError` for a symbol, so that rules with matrix products are not compiled.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError("it multiplies matrices")
    return tensor.flatten(1).contiguous()


def root_mean_square(tensor: Tensor) -> Tensor:
    """Return the root of the mean squared element of a tensor."""
    return torch.linalg.vector_norm(tensor) / tensor.numel() ** 0.5
