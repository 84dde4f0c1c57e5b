"""C kernels of update rules: one multi-threaded pass over the parameter, gradient and state tensors of a step."""

import ctypes
import os
from array import array
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, lru_cache

import torch
from torch import Tensor

from descend.optim.engines.build import NoCompiler, build_library
from descend.optim.engines.cuda import CudaKernel
from descend.optim.engines.emit import STORED, emit_c
from descend.optim.engines.symbols import NotTraceable, trace
from descend.optim.rows import PLAIN_TENSOR_TYPES
from descend.optim.rule import Rule

MIN_ELEMENTS_PER_THREAD = 1 << 15  # with fewer elements, a thread costs more time than it saves
ALIGNMENT = 64  # each thread gets a multiple of this many elements, so that no cache line is shared


def is_supported(tensors: Sequence[Tensor]) -> bool:
    """Return whether a kernel can update these tensors: they need equal device, dtype and dense memory layout."""
    first = tensors[0]
    stride, device = first.stride(), first.device
    for tensor in tensors:
        if not (
            type(tensor) in PLAIN_TENSOR_TYPES
            and tensor.device == device
            and tensor.dtype is first.dtype
            and tensor.layout is torch.strided
            and tensor.stride() == stride
        ):
            return False
    has_kernel = device.type in ("cpu", "cuda") and first.dtype in STORED
    return has_kernel and (first.is_contiguous() or _is_dense(first))


def _is_dense(tensor: Tensor) -> bool:
    """Return whether the elements fill one block of memory without gaps or overlaps, in any order of the axes."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return True


class Kernel:
    """The C kernel of one update rule and dtype. Raises `NoCompiler` or `NotTraceable` if it cannot be built."""

    def __init__(self, rule: Rule, dtype: torch.dtype) -> None:
        traced = trace(rule)
        if isinstance(traced, NotTraceable):
            raise traced
        source = emit_c(rule, traced, dtype)
        library = build_library(source.code)
        self._loops = [getattr(library, f"descend_measure{depth}") for depth in range(len(source.norm_counts))]
        self._loops.append(library.descend_step)
        for loop in self._loops:
            loop.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 3, *[ctypes.c_void_p] * 3]
            loop.restype = None
        self._roots = library.descend_roots
        self._roots.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
        self._roots.restype = None
        self._norm_count = sum(source.norm_counts)
        self._small_tensor_function = library.descend_whole if self._norm_count else None
        if self._small_tensor_function is not None:
            self._small_tensor_function.argtypes = [
                ctypes.c_void_p,
                *[ctypes.c_int64] * 3,
                ctypes.c_void_p,
                ctypes.c_int64,
            ]
            self._small_tensor_function.restype = None
        self.scalars, self.scalar_count = source.scalars, source.scalar_count
        self._numbers, self._names = source.new_numbers, traced.numbers
        self._width = source.row_width
        self._real = ctypes.c_double if dtype is torch.float64 else ctypes.c_float

    def new_numbers(self, values: Mapping[str, float]) -> dict[str, float]:
        """Compute the new values of scalar states such as the step count, from `values` before the step."""
        return dict(zip(self._names, self._numbers(values)))

    def run(self, table: "array[int]", scalars: Sequence[float]) -> None:
        """Update all parameters in a kernel's table, in several threads.

        A table row describes one parameter: its first and end element number, counted over all rows, the index of its
        first scalar, and the addresses of θ, g and the states.
        """
        scalar_array = (self._real * max(1, len(scalars)))(*scalars)
        scalars_address = ctypes.addressof(scalar_array)
        if self._small_tensor_function is not None:
            table = self._update_small_tensors(self._small_tensor_function, table, scalars_address)
        rows = len(table) // self._width
        ranges = thread_ranges(table[(rows - 1) * self._width + 1] if rows else 0)
        norms = (ctypes.c_double * max(1, rows * self._norm_count))()
        sums = (ctypes.c_double * max(1, len(ranges) * len(norms)))()
        each = ctypes.sizeof(norms)
        table_arguments = table.buffer_info()[0], rows
        norms_address, sums_address = ctypes.addressof(norms), ctypes.addressof(sums)
        for loop in self._loops:
            calls = [
                (*table_arguments, *span, scalars_address, norms_address, sums_address + k * each)
                for k, span in enumerate(ranges)
            ]
            run_in_threads(loop, calls)
            if loop is not self._loops[-1]:
                self._roots(sums_address, len(ranges), len(norms), norms_address)

    def _update_small_tensors(
        self, function: Callable[..., None], table: "array[int]", scalars_address: int
    ) -> "array[int]":
        """Update the tensors that are small compared to one thread's work; return the table of the other tensors."""
        rows = len(table) // self._width
        ranges = thread_ranges(table[(rows - 1) * self._width + 1])
        limit = max(MIN_ELEMENTS_PER_THREAD, (ranges[0][1] if ranges else 0) // 4)
        run_in_threads(function, [(table.buffer_info()[0], rows, *span, scalars_address, limit) for span in ranges])
        large, total = array("q"), 0
        for row in range(0, len(table), self._width):
            size = table[row + 1] - table[row]
            if size > limit:
                large.extend((total, total + size, *table[row + 2 : row + self._width]))
                total += size
        return large


def thread_ranges(total: int) -> list[tuple[int, int]]:
    """Divide `total` elements among threads; return the range of element numbers that each thread processes."""
    threads = max(1, min(torch.get_num_threads(), total // MIN_ELEMENTS_PER_THREAD))
    per_thread = max(1, -(-total // threads))
    per_thread += -per_thread % ALIGNMENT
    return [(begin, min(begin + per_thread, total)) for begin in range(0, total, per_thread)]


def run_in_threads(loop: Callable[..., None], calls: Sequence[tuple[int | float, ...]]) -> None:
    """Call `loop` with each tuple of arguments in `calls`, in parallel threads."""
    others = [_thread_pool().submit(loop, *call) for call in calls[1:]]
    if calls:
        loop(*calls[0])
    wait(others)


@lru_cache(maxsize=1)
def _thread_pool() -> ThreadPoolExecutor:
    """Return the pool of threads in which this process runs kernels."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="descend-optim")


os.register_at_fork(after_in_child=_thread_pool.cache_clear)  # a forked process does not have the threads of its parent


@cache
def cached_kernel(
    rule: Rule, dtype: torch.dtype, device: torch.device
) -> Kernel | CudaKernel | NoCompiler | NotTraceable:
    """Return the kernel of an update rule, or the error that prevented it. Each kernel is compiled only once."""
    try:
        return Kernel(rule, dtype) if device.type == "cpu" else CudaKernel(rule, dtype, device)
    except (NoCompiler, NotTraceable) as reason:
        return reason
