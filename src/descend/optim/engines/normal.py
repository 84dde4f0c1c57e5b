"""Addition of normally distributed noise to tensors, in one multi-threaded pass."""

import ctypes
from array import array
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from descend.optim.engines.build import NoCompiler, build_library
from descend.optim.engines.native import is_supported, run_in_threads, thread_ranges

# With the pragma `fast-math`, the compiler uses vectorised logarithms, sines and cosines.
# The compiler flag -ffast-math, unlike the pragma, would make the whole process flush subnormal numbers to zero.
# The noise of element i depends only on i and the key, so it is independent of the number of threads.
# SplitMix64 (Steele et al. 2014) gives 64 random bits per pair of elements.
# The Box–Muller method (Box & Muller 1958) turns these bits into two normally distributed numbers.
TEXT = """
#pragma GCC optimize("fast-math")
#include <math.h>
#include <stdint.h>
static inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
#define BLOCK 512
void descend_add_normal(const int64_t *table, int64_t rows, int64_t begin, int64_t end, uint64_t key, float deviation) {
  for (int64_t r = 0; r < rows; r++) {
    const int64_t *row = table + 3 * r;
    float *values = (float *)row[2] - row[0];
    int64_t from = begin > row[0] ? begin : row[0], to = end < row[1] ? end : row[1];
    for (int64_t i = from & ~1; i < to; i += 2 * BLOCK) {
      float first[BLOCK], second[BLOCK], radius[BLOCK], angle[BLOCK];
      for (int64_t k = 0; k < BLOCK; k++) {
        uint64_t bits = mix(key + (uint64_t)(i / 2 + k + 1) * 0x9e3779b97f4a7c15u);
        radius[k] = (int32_t)(bits >> 33);
        angle[k] = (int32_t)(uint32_t)bits;
      }
      for (int64_t k = 0; k < BLOCK; k++) radius[k] = deviation * sqrtf(-2 * logf((radius[k] + 1) * 0x1p-31f));
      /* one loop each: together the compiler calls sincosf, which takes one number at a time */
      for (int64_t k = 0; k < BLOCK; k++) first[k] = radius[k] * cosf(angle[k] * 0x1.921fb6p-30f);
      for (int64_t k = 0; k < BLOCK; k++) second[k] = radius[k] * sinf(angle[k] * 0x1.921fb6p-30f);
      if (i >= from && i + 2 * BLOCK <= to) {
        for (int64_t k = 0; k < BLOCK; k++) { values[i + 2 * k] += first[k]; values[i + 2 * k + 1] += second[k]; }
      } else {
        for (int64_t j = i < from ? from : i; j < to && j < i + 2 * BLOCK; j++)
          values[j] += ((j & 1) ? second : first)[(j - i) / 2];
      }
    }
  }
}
"""


def is_supported_tensor(tensor: Tensor) -> bool:
    """Return whether `add_normal_` can process this tensor on this machine."""
    return (
        tensor.dtype is torch.float32
        and is_supported([tensor])
        and tensor.is_contiguous()
        and _compiled_loop() is not None
    )


def add_normal_(tensors: Sequence[Tensor], deviation: float, key: int) -> None:
    """Add normal noise with standard deviation `deviation` to float32 tensors; the same key gives the same noise."""
    table, total = array("q"), 0
    for tensor in tensors:
        table.extend((total, total + tensor.numel(), tensor.data_ptr()))
        total += tensor.numel()
    loop = _compiled_loop()
    assert loop is not None
    table_arguments = table.buffer_info()[0], len(tensors)
    run_in_threads(loop, [(*table_arguments, *span, key, deviation) for span in thread_ranges(total)])


@cache
def _compiled_loop() -> "ctypes._NamedFuncPointer | None":
    """Return the compiled C function that adds noise, or None if there is no C compiler."""
    try:
        loop = build_library(TEXT).descend_add_normal
    except NoCompiler:
        return None
    loop.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 3, ctypes.c_uint64, ctypes.c_float]
    loop.restype = None
    return loop
