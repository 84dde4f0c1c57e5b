"""Reading inputs or targets from training data in any usual form, without iterating its loader."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler, default_collate

CHUNK = 64  # number of examples read at a time if the data define no batch size


def input_batches(data: Any, examples: int) -> Iterator[Tensor]:
    """Yield the inputs in `data` batch by batch, until `examples` examples have been read.

    data: a DataLoader (its dataset is read in order, at even spacing if it is longer; the loader is not iterated), a
    dataset, a tensor or array with one example per row, a series of batches, or a function without arguments that
    returns one of these. A batch is a tensor, a sequence that starts with the inputs, or a mapping with one real
    tensor. Raises `TypeError` for anything else, and for an iterator, which training could not read again.
    """
    return _batch_parts(data, examples, inputs_of)


def target_batches(data: Any, examples: int) -> Iterator[Tensor]:
    """Yield the targets in `data` batch by batch, until `examples` examples have been read.

    data: as for `input_batches`. The targets are the second element of a batch; a tensor is a batch of targets.
    """
    return _batch_parts(data, examples, targets_of)


def _batch_parts(data: Any, examples: int, part_of: Callable[[Any], Tensor]) -> Iterator[Tensor]:
    """Yield one part of each batch, such as its inputs, until `examples` examples have been read.

    part_of: returns this part of a batch.
    """
    if examples < 1:
        raise ValueError(f"examples must be at least 1, not {examples}")
    is_function = callable(data) and not isinstance(data, Iterable | Dataset)
    made = data() if is_function else data
    seen = 0
    for batch in made if is_function and isinstance(made, Iterator) else _iterate_batches(made, examples):
        part = part_of(batch)
        if not part.numel():
            continue
        yield part[: examples - seen] if part.ndim else part
        seen += len(part) if part.ndim else 1
        if seen >= examples:
            return


def _iterate_batches(data: Any, examples: int) -> Iterable[Any]:
    """Return batches of `data` with at least `examples` examples in total, or with all examples if there are fewer."""
    if isinstance(data, Tensor | np.ndarray):
        return [data[:: _stride(len(data), examples)]]
    if isinstance(data, DataLoader):
        return _loader_batches(data, examples)
    if isinstance(data, IterableDataset):
        return map(default_collate, _chunks(_require_reiterable(data), CHUNK))
    if isinstance(data, Dataset):
        indices = range(0, _dataset_length(data), _stride(_dataset_length(data), examples))
        return map(default_collate, _chunks((data[i] for i in indices), CHUNK))
    return _require_reiterable(data)


def _loader_batches(loader: DataLoader[Any], examples: int) -> Iterable[Any]:
    """Return batches of items that are read from a loader's dataset, without iterating the loader."""
    dataset = loader.dataset
    if isinstance(dataset, IterableDataset):
        items: Iterable[Any] = _require_reiterable(dataset)
    else:
        items = _spaced_items(loader, examples)
    if loader.batch_sampler is None:  # the dataset's items are already batches
        return map(loader.collate_fn, items)
    return map(loader.collate_fn, _chunks(items, loader.batch_size or CHUNK))


def _spaced_items(loader: DataLoader[Any], examples: int) -> Iterator[Any]:
    """Yield at most `examples` items of a loader's dataset, at equal distances in the dataset."""
    sampler, dataset = loader.sampler, loader.dataset
    if isinstance(sampler, SubsetRandomSampler):
        indices = sampler.indices  # The other examples of the dataset may be held-out data.
    else:
        indices = range(_dataset_length(dataset))
    for i in indices[:: _stride(len(indices), examples)]:
        yield dataset[int(i)]


def _dataset_length(dataset: Any) -> int:
    """Return the length of a dataset. Raises `TypeError` if the dataset has no length."""
    try:
        return len(dataset)
    except TypeError:
        raise TypeError(f"{type(dataset).__name__} has no length, so its inputs cannot be read") from None


def _stride(length: int, examples: int) -> int:
    """Return the smallest k such that at most `examples` items are read if every k-th of `length` is read."""
    return max(1, -(-length // examples))


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield lists of `size` successive items; the last list may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _require_reiterable(data: Any) -> Iterable[Any]:
    """Return `data`. Raises `TypeError` if `data` cannot be iterated a second time."""
    name = type(data).__name__
    if not isinstance(data, Iterable):
        raise TypeError(f"inputs cannot be read from a {name}. Pass a DataLoader, a tensor or a list of batches")
    if iter(data) is data:
        raise TypeError(f"a {name} can be read only once and would be empty for training. Pass the data that it reads")
    return data


def inputs_of(batch: Any) -> Tensor:
    """Return the tensor of inputs in a batch of any usual form: a tensor, an array, a sequence or a mapping.

    Raises `TypeError` if there is no such tensor, `ValueError` if there are several or if they are integers.
    """
    if isinstance(batch, np.ndarray):
        batch = _from_numpy(batch)
    if isinstance(batch, Tensor):
        return check_real(batch)
    if isinstance(batch, Mapping):
        return _inputs_of_mapping(batch)
    if isinstance(batch, Sequence) and len(batch) and not isinstance(batch, str):
        if isinstance(batch[0], Tensor | np.ndarray):
            return inputs_of(batch[0])
    raise TypeError(f"a batch of type {type(batch).__name__} contains no tensor of inputs")


def targets_of(batch: Any) -> Tensor:
    """Return the tensor of targets in one batch: the batch itself, or its second element if it is a sequence."""
    if isinstance(batch, Sequence) and len(batch) > 1 and not isinstance(batch, str):
        batch = batch[1]
    if isinstance(batch, np.ndarray):
        batch = _from_numpy(batch)
    if not isinstance(batch, Tensor):
        raise TypeError(f"a batch of type {type(batch).__name__} contains no tensor of targets")
    if batch.dtype == torch.bool or batch.is_complex():
        raise ValueError(f"targets of type {str(batch.dtype).removeprefix('torch.')} cannot be standardised")
    return batch


def _from_numpy(batch: np.ndarray) -> Tensor:
    """Return the values of a NumPy array as a tensor. Raises `ValueError` if they are not real numbers."""
    if batch.dtype.kind not in "fiub":
        raise ValueError(f"a mean and a standard deviation cannot be computed from values of type {batch.dtype}")
    return torch.from_numpy(np.ascontiguousarray(batch))


def _inputs_of_mapping(batch: Mapping[Any, Any]) -> Tensor:
    """Return the inputs of a batch that is a mapping: the only floating-point tensor, or else the first tensor."""
    tensors = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
    real = [name for name, value in tensors.items() if value.is_floating_point()]
    if len(real) > 1:
        raise ValueError(f"a batch must have one floating-point tensor, not several: {', '.join(map(str, real))}")
    if not real and not tensors:
        raise TypeError("a batch that is a mapping contains no tensor of inputs")
    return check_real(tensors[real[0]] if real else next(iter(tensors.values())))


def check_real(inputs: Tensor) -> Tensor:
    """Return the inputs unchanged. Raises `ValueError` unless they are floating-point numbers or uint8 pixels."""
    if inputs.is_floating_point() or inputs.dtype == torch.uint8:
        return inputs
    kind = str(inputs.dtype).removeprefix("torch.")
    raise ValueError(f"the inputs are {kind}, as token ids are: their mean and standard deviation have no meaning")
