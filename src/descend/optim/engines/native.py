"""Runs a rule's kernel over the tensors of a step: each stream is read once and written once, on every core."""

import ctypes
import os
from array import array
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, lru_cache

import torch
from torch import Tensor
from torch._prims_common import is_non_overlapping_and_dense_or_false

from descend.optim.engines.build import NoCompiler, build
from descend.optim.engines.cuda import CudaKernel
from descend.optim.engines.emit import STORED, emit_c
from descend.optim.engines.symbols import NotTraceable, trace
from descend.optim.rows import PLAIN
from descend.optim.rule import Rule

ALONE = 1 << 15  # elements below which handing work to another thread costs more than it saves
ALIGNED = 64  # elements: threads do not share a cache line


def fits(tensors: Sequence[Tensor]) -> bool:
    """Whether the kernel can take these tensors as they lie in memory."""
    first = tensors[0]
    stride, device = first.stride(), first.device
    for tensor in tensors:
        if not (
            type(tensor) in PLAIN
            and tensor.device == device
            and tensor.dtype is first.dtype
            and tensor.layout is torch.strided
            and tensor.stride() == stride
        ):
            return False
    known = device.type in ("cpu", "cuda") and first.dtype in STORED
    return known and (first.is_contiguous() or is_non_overlapping_and_dense_or_false(first))


class Kernel:
    """The kernel of one rule for one dtype. Raises `NoCompiler` or `NotTraceable` where there is none."""

    def __init__(self, rule: Rule, dtype: torch.dtype) -> None:
        traced = trace(rule)
        if isinstance(traced, NotTraceable):
            raise traced
        source = emit_c(rule, traced, dtype)
        library = build(source.text)
        self._loops = [getattr(library, f"descend_measure{depth}") for depth in range(len(source.measured))]
        self._loops.append(library.descend_step)
        for loop in self._loops:
            loop.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 3]
            loop.restype = None
        self._roots = library.descend_roots
        self._roots.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        self._roots.restype = None
        self._measured = sum(source.measured)
        self._whole = library.descend_whole if self._measured else None
        if self._whole is not None:
            self._whole.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_void_p, ctypes.c_int64]
            self._whole.restype = None
        self.scalars, self.amount = source.scalars, source.amount
        self._numbers, self._names = source.numbers, traced.numbers
        self._width = source.width
        self._real = ctypes.c_double if dtype is torch.float64 else ctypes.c_float

    def numbers(self, known: Mapping[str, float]) -> dict[str, float]:
        """Return the new state that is a number."""
        return dict(zip(self._names, self._numbers(known)))

    def run(self, table: "array[int]", scalars: Sequence[float]) -> None:
        """Take one step. A row of the table is a tensor: where it begins and ends in the count of all elements, where
        its scalars begin, and the addresses of θ, g and the state."""
        held = (self._real * max(1, len(scalars)))(*scalars)
        constants = ctypes.addressof(held)
        if self._whole is not None:
            table = self._step_small(self._whole, table, constants)
        rows = len(table) // self._width
        shares = spans(table[(rows - 1) * self._width + 1] if rows else 0)
        norms = (ctypes.c_double * max(1, rows * self._measured))()
        sums = (ctypes.c_double * max(1, len(shares) * len(norms)))()
        each = ctypes.sizeof(norms)
        rest = table.buffer_info()[0], rows
        measured, summed = ctypes.addressof(norms), ctypes.addressof(sums)
        for loop in self._loops:
            calls = [(*rest, *span, constants, measured, summed + k * each) for k, span in enumerate(shares)]
            spread(loop, calls)
            if loop is not self._loops[-1]:
                self._roots(summed, len(shares), len(norms), measured)

    def _step_small(self, whole: Callable[..., None], table: "array[int]", constants: int) -> "array[int]":
        """Step the tensors that are small beside a thread's share; return the table of the others."""
        rows = len(table) // self._width
        shares = spans(table[(rows - 1) * self._width + 1])
        limit = max(ALONE, (shares[0][1] if shares else 0) // 4)
        spread(whole, [(table.buffer_info()[0], rows, *span, constants, limit) for span in shares])
        large, total = array("q"), 0
        for row in range(0, len(table), self._width):
            size = table[row + 1] - table[row]
            if size > limit:
                large.extend((total, total + size, *table[row + 2 : row + self._width]))
                total += size
        return large


def spans(total: int) -> list[tuple[int, int]]:
    """Return which of `total` elements each thread takes."""
    threads = max(1, min(torch.get_num_threads(), total // ALONE))
    share = max(1, -(-total // threads))
    share += -share % ALIGNED
    return [(begin, min(begin + share, total)) for begin in range(0, total, share)]


def spread(loop: Callable[..., None], calls: Sequence[tuple[int | float, ...]]) -> None:
    """Make the calls side by side, each on a thread of its own."""
    others = [_pool().submit(loop, *call) for call in calls[1:]]
    if calls:
        loop(*calls[0])
    wait(others)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="descend-optim")


os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork


@cache
def kernel(rule: Rule, dtype: torch.dtype, device: torch.device) -> Kernel | CudaKernel | NoCompiler | NotTraceable:
    """Return the kernel of a rule, or why there is none: it is tried once, and not at every step."""
    try:
        return Kernel(rule, dtype) if device.type == "cpu" else CudaKernel(rule, dtype, device)
    except (NoCompiler, NotTraceable) as reason:
        return reason
