"""Runs a rule's kernel over the tensors of a step: each stream is read once and written once, on every core."""

import ctypes
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache, lru_cache

import torch
from torch import Tensor
from torch._prims_common import is_non_overlapping_and_dense_or_false

from descend.optim.build import NoCompiler, build
from descend.optim.emit import STORED, emit
from descend.optim.rule import Rule

ALONE = 1 << 15  # elements below which handing work to another thread costs more than it saves
ALIGNED = 64  # elements: threads do not share a cache line


@dataclass(frozen=True)
class Work:
    """One parameter's step: its tensors (θ, g, state…) and the number of the step."""

    tensors: tuple[Tensor, ...]
    t: int


def fits(tensors: Sequence[Tensor]) -> bool:
    """Whether the kernel can take these tensors as they lie in memory."""
    first = tensors[0]
    alike = first.dtype in STORED and all(
        t.is_cpu and t.dtype is first.dtype and t.layout is torch.strided and t.stride() == first.stride()
        for t in tensors
    )
    return alike and (first.is_contiguous() or is_non_overlapping_and_dense_or_false(first))


class Kernel:
    """The kernel of one rule for one dtype. Raises `NoCompiler` where it cannot be built."""

    def __init__(self, rule: Rule, dtype: torch.dtype) -> None:
        source = emit(rule, dtype)
        self._step = build(source.text).step
        self._step.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p]
        self._step.restype = None
        self._scalars = source.scalars
        self._real = ctypes.c_double if dtype is torch.float64 else ctypes.c_float

    def run(self, work: Sequence[Work], hyper: Mapping[str, float]) -> None:
        """Take one step with every parameter."""
        offsets: dict[int, int] = {}
        scalars: list[float] = []
        rows: list[int] = []
        total = 0
        for item in work:
            offset = offsets.get(item.t)
            if offset is None:
                offset = offsets[item.t] = len(scalars)
                scalars += self._scalars({"t": item.t, **hyper})
            amount = item.tensors[0].numel()
            rows += (total, total + amount, offset)
            rows += [tensor.data_ptr() for tensor in item.tensors]
            total += amount
        table = (ctypes.c_int64 * len(rows))(*rows)
        constants = (self._real * max(1, len(scalars)))(*scalars)
        self._spread(table, len(work), total, constants)

    def _spread(self, table: ctypes.Array[ctypes.c_int64], rows: int, total: int, constants: ctypes.Array) -> None:
        threads = max(1, min(torch.get_num_threads(), total // ALONE))
        share = -(-total // threads)
        share += -share % ALIGNED
        spans = [(begin, min(begin + share, total)) for begin in range(0, total, share)]
        places = ctypes.addressof(table), ctypes.addressof(constants)
        others = [_pool().submit(self._step, places[0], rows, *span, places[1]) for span in spans[1:]]
        if spans:
            self._step(places[0], rows, *spans[0], places[1])
        wait(others)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="descend-optim")


os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork


@cache
def kernel(rule: Rule, dtype: torch.dtype) -> Kernel | NoCompiler:
    """Return the kernel of a rule, or why there is none: it is tried once, and not at every step."""
    try:
        return Kernel(rule, dtype)
    except NoCompiler as reason:
        return reason
