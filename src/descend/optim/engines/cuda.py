"""CUDA kernels of update rules: one pass over the parameter, gradient and state tensors of a step."""

from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from descend.optim.engines.build import NoCompiler
from descend.optim.engines.emit_cuda import PIECE, THREADS, emit_cuda
from descend.optim.engines.symbols import NotTraceable, trace
from descend.optim.rule import Rule

CACHED_TABLES = 32  # number of kernel tables cached on the device, since tensors often keep their addresses


class CudaKernel:
    """The CUDA kernel of an update rule for one dtype and device.

    Raises `NoCompiler` or `NotTraceable` if the kernel cannot be built.
    """

    def __init__(self, rule: Rule, dtype: torch.dtype, device: torch.device) -> None:
        traced = trace(rule)
        if isinstance(traced, NotTraceable):
            raise traced
        source = emit_cuda(rule, traced, dtype)
        names = [f"descend_measure{depth}" for depth in range(len(source.norm_counts))]
        self._device, self._real = device, torch.float64 if dtype is torch.float64 else torch.float32
        with torch.cuda.device(device):
            *self._norm_kernels, self._root_kernel, self._step_kernel = _compile_kernels(
                source.code, [*names, "descend_roots", "descend_step"]
            )
        self._norm_counts, self._width = source.norm_counts, source.row_width
        self.scalars, self.scalar_count = source.scalars, source.scalar_count
        self._numbers, self._names = source.new_numbers, traced.numbers

    def new_numbers(self, values: Mapping[str, float]) -> dict[str, float]:
        """Compute the new values of scalar states such as the step count, from `values` before the step."""
        return dict(zip(self._names, self._numbers(values)))

    def run(self, table: "array[int]", scalars: Sequence[float]) -> None:
        """Update all parameters in a kernel's table. Raises `RuntimeError` while a CUDA graph is captured.

        A captured graph would replay this step's numbers forever, unless `capturable=True` keeps them on the device.
        """
        if torch.cuda.is_current_stream_capturing():
            raise RuntimeError("a CUDA graph is capturing this step. Create the optimizer with capturable=True")
        with torch.cuda.device(self._device):
            begins, ends = table[:: self._width], table[1 :: self._width]
            stream = torch.cuda.current_stream().cuda_stream  # cached per stream: no other stream waits for the copy
            pieces, firsts, blocks = _block_layout(self._device, stream, begins.tobytes(), ends.tobytes())
            if not blocks:
                return
            scalar_tensor = (
                torch.tensor(scalars or [0.0], dtype=self._real).pin_memory().to(self._device, non_blocking=True)
            )
            count = sum(self._norm_counts)
            sums = torch.empty(max(1, blocks * count), dtype=torch.float64, device=self._device)
            norms = torch.empty(max(1, len(begins) * count), dtype=torch.float64, device=self._device)
            arguments = [_copy_to_device(self._device, stream, table.tobytes()), pieces, scalar_tensor, norms, sums]
            grid, block, norms_done = (blocks, 1, 1), (THREADS, 1, 1), 0
            for norm_kernel, norm_count in zip(self._norm_kernels, self._norm_counts):
                norm_kernel(grid, block, arguments)
                self._root_kernel(
                    (len(begins), 1, 1), block, [sums, firsts, norms, norms_done, norms_done + norm_count, count]
                )
                norms_done += norm_count
            self._step_kernel(grid, block, arguments)


def _compile_kernels(code: str, names: Sequence[str]) -> list:
    """Compile CUDA source code, and return the kernels called `names`. Raises `NoCompiler` if that is not possible."""
    try:
        from torch.cuda import _utils

        # `--fmad=false`: without fused multiply-add, each operation is rounded as in torch.
        binary, _ = _utils._nvrtc_compile(code, names[-1], nvcc_options=["--fmad=false"])
        kernels = _utils._cuda_load_module(binary, list(names))
    except (ImportError, AttributeError, TypeError, OSError, RuntimeError) as error:
        raise NoCompiler(
            f"torch cannot build CUDA kernels on this machine: {str(error).strip().splitlines()[0]}"
        ) from error
    assert isinstance(kernels, dict)
    return [kernels[name] for name in names]


@lru_cache(maxsize=CACHED_TABLES)
def _block_layout(device: torch.device, stream: int, begins: bytes, ends: bytes) -> tuple[Tensor, Tensor, int]:
    """Return the piece of a tensor that each block of threads processes, and the number of blocks.

    The tensors are each block's table row and piece ``(2 · blocks,)``, and each row's first block ``(rows + 1,)``.
    """
    pairs, firsts = array("i"), array("i", [0])
    for row, (begin, end) in enumerate(zip(array("q", begins), array("q", ends))):
        for piece in range(-(-(end - begin) // PIECE)):
            pairs.extend((row, piece))
        firsts.append(len(pairs) // 2)
    on_device = [torch.tensor(values, dtype=torch.int32, device=device) for values in (pairs, firsts)]
    return on_device[0], on_device[1], len(pairs) // 2


@lru_cache(maxsize=CACHED_TABLES)
def _copy_to_device(device: torch.device, stream: int, table: bytes) -> Tensor:
    """Copy a kernel's table to the device, as a 1-D tensor of int64."""
    values = torch.frombuffer(bytearray(table), dtype=torch.int64)
    return values.pin_memory().to(device, non_blocking=True)
