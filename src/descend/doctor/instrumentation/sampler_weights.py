"""The weights by which a sampler draws the examples of each class."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Subset, WeightedRandomSampler

from descend.doctor.record import facts

FEW = 4  # A column of the data holds labels if each of its values occurs at least so often on average.


def sampler_weights(sampler: Any, dataset: Any) -> facts.ClassWeights | None:
    """Return the weight of each class and its number of examples; None if the weights do not depend on a class.

    The classes are a column of whole numbers in the data set, such as its labels, that determines the weights.
    """
    if not isinstance(sampler, WeightedRandomSampler):
        return None
    weights = torch.as_tensor(sampler.weights, dtype=torch.float64)
    for labels in _columns(dataset, len(dataset)) if len(weights) == len(dataset) else ():
        number, counts = labels.unique(return_inverse=True, return_counts=True)[1:]
        of_classes = torch.zeros(len(counts), dtype=weights.dtype).scatter(0, number, weights)
        if 1 < len(counts) <= len(labels) // FEW and torch.equal(of_classes[number], weights):
            return facts.ClassWeights("sampler", tuple(of_classes.tolist()), tuple(counts.tolist()))
    return None


def _columns(dataset: Any, size: int) -> Iterator[Tensor]:
    """Yield the attributes of a data set that hold one whole number for each example."""
    if isinstance(dataset, Subset):
        rows = torch.as_tensor(dataset.indices)
        yield from (column[rows] for column in _columns(dataset.dataset, len(dataset.dataset)))  # type: ignore[arg-type]
        return
    for value in [*getattr(dataset, "tensors", ()), *getattr(dataset, "__dict__", {}).values()]:
        is_numbers = isinstance(value, list) and len(value) == size and all(isinstance(each, int) for each in value)
        kind = str(getattr(value, "dtype", "")).removeprefix("torch.")
        is_column = getattr(value, "shape", None) == (size,) and kind.startswith(("int", "uint", "bool"))
        if is_numbers or is_column:
            yield torch.as_tensor(value).cpu()
