"""The inputs or the targets in somebody's training data, walked through without disturbing its loader."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, SubsetRandomSampler, default_collate

CHUNK = 64  # examples collated at a time where the loader does not say


def input_batches(data: Any, examples: int) -> Iterator[Tensor]:
    """Yield the inputs in `data` batch by batch, until `examples` of them are seen.

    `data` is a DataLoader (its dataset is read in order, evenly spaced where it is longer; the loader itself
    is not iterated), a dataset, a tensor or array whose rows are examples, a series of batches, or a function
    without arguments that returns one of these. A batch is a tensor, a sequence whose first part is the
    inputs, or a mapping with one tensor of real numbers. Raises `TypeError` for anything else, and for an
    iterator, which the training loop would find used up (a function may return one, as it is made anew).
    """
    return _parts(data, examples, inputs_of)


def target_batches(data: Any, examples: int) -> Iterator[Tensor]:
    """Yield the targets in `data` batch by batch, until `examples` of them are seen.

    As `input_batches`, but the targets are the second part of a batch; a batch that is a tensor is all targets.
    """
    return _parts(data, examples, targets_of)


def _parts(data: Any, examples: int, part_of: Callable[[Any], Tensor]) -> Iterator[Tensor]:
    if examples < 1:
        raise ValueError(f"examples must be at least 1, not {examples}")
    is_function = callable(data) and not isinstance(data, Iterable | Dataset)
    made = data() if is_function else data
    seen = 0
    for batch in made if is_function and isinstance(made, Iterator) else _batches(made, examples):
        part = part_of(batch)
        if not part.numel():
            continue
        yield part[: examples - seen] if part.ndim else part
        seen += len(part) if part.ndim else 1
        if seen >= examples:
            return


def _batches(data: Any, examples: int) -> Iterable[Any]:
    if isinstance(data, Tensor | np.ndarray):
        return [data[:: _stride(len(data), examples)]]
    if isinstance(data, DataLoader):
        return _loader_batches(data, examples)
    if isinstance(data, IterableDataset):
        return map(default_collate, _chunks(_again(data), CHUNK))
    if isinstance(data, Dataset):
        indices = range(0, _length(data), _stride(_length(data), examples))
        return map(default_collate, _chunks((data[i] for i in indices), CHUNK))
    return _again(data)


def _loader_batches(loader: DataLoader[Any], examples: int) -> Iterable[Any]:
    dataset = loader.dataset
    if isinstance(dataset, IterableDataset):
        items: Iterable[Any] = _again(dataset)
    else:
        items = _spaced_items(loader, examples)
    if loader.batch_sampler is None:  # the dataset's items are batches already
        return map(loader.collate_fn, items)
    return map(loader.collate_fn, _chunks(items, loader.batch_size or CHUNK))


def _spaced_items(loader: DataLoader[Any], examples: int) -> Iterator[Any]:
    sampler, dataset = loader.sampler, loader.dataset
    if isinstance(sampler, SubsetRandomSampler):
        indices = sampler.indices  # the other examples may be the held-out ones
    else:
        indices = range(_length(dataset))
    for i in indices[:: _stride(len(indices), examples)]:
        yield dataset[int(i)]


def _length(dataset: Any) -> int:
    try:
        return len(dataset)
    except TypeError:
        raise TypeError(f"{type(dataset).__name__} has no length, so its inputs cannot be read") from None


def _stride(length: int, examples: int) -> int:
    return max(1, -(-length // examples))


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _again(data: Any) -> Iterable[Any]:
    """Return `data` if it can be iterated a second time."""
    name = type(data).__name__
    if not isinstance(data, Iterable):
        raise TypeError(f"inputs cannot be read from a {name}: give a DataLoader, a tensor or a list of batches")
    if iter(data) is data:
        raise TypeError(f"a {name} can be read only once, and training needs it: give what it is made from")
    return data


def inputs_of(batch: Any) -> Tensor:
    """Return the tensor of inputs in one batch.

    Raises `TypeError` where there is none, `ValueError` where there are several or where they are integers.
    """
    if isinstance(batch, np.ndarray):
        batch = _from_numpy(batch)
    if isinstance(batch, Tensor):
        return check_real(batch)
    if isinstance(batch, Mapping):
        return _only_real(batch)
    if isinstance(batch, Sequence) and len(batch) and not isinstance(batch, str):
        if isinstance(batch[0], Tensor | np.ndarray):
            return inputs_of(batch[0])
    raise TypeError(f"no tensor of inputs in a batch that is a {type(batch).__name__}")


def targets_of(batch: Any) -> Tensor:
    """Return the tensor of targets in one batch. Raises `TypeError` where there is none."""
    if isinstance(batch, Sequence) and len(batch) > 1 and not isinstance(batch, str):
        batch = batch[1]
    if isinstance(batch, np.ndarray):
        batch = _from_numpy(batch)
    if not isinstance(batch, Tensor):
        raise TypeError(f"no tensor of targets in a batch that is a {type(batch).__name__}")
    if batch.dtype == torch.bool or batch.is_complex():
        raise ValueError(f"targets of type {str(batch.dtype).removeprefix('torch.')} have no scale")
    return batch


def _from_numpy(batch: np.ndarray) -> Tensor:
    if batch.dtype.kind not in "fiub":
        raise ValueError(f"numbers of type {batch.dtype} have no mean and standard deviation")
    return torch.from_numpy(np.ascontiguousarray(batch))


def _only_real(batch: Mapping[Any, Any]) -> Tensor:
    tensors = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
    real = [name for name, value in tensors.items() if value.is_floating_point()]
    if len(real) > 1:
        raise ValueError(f"a batch has several tensors of real numbers ({', '.join(map(str, real))})")
    if not real and not tensors:
        raise TypeError("no tensor of inputs in a batch that is a mapping")
    return check_real(tensors[real[0]] if real else next(iter(tensors.values())))


def check_real(inputs: Tensor) -> Tensor:
    """Return the inputs if they are real numbers or pixels (uint8); raise `ValueError` otherwise."""
    if inputs.is_floating_point() or inputs.dtype == torch.uint8:
        return inputs
    kind = str(inputs.dtype).removeprefix("torch.")
    raise ValueError(f"the inputs are {kind}, such as token ids: numbers that name things have no scale")
