"""Runs a rule's kernel over the tensors of a step on a GPU: each stream is read once and written once."""

from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from descend.optim.engines.build import NoCompiler
from descend.optim.engines.emit_cuda import PIECE, THREADS, emit_cuda
from descend.optim.engines.symbols import NotTraceable, trace
from descend.optim.rule import Rule

KEPT = 32  # tables that lie on the device already: gradients mostly come back to where they were


class CudaKernel:
    """The kernel of one rule for one dtype and device. Raises `NoCompiler` or `NotTraceable` where there is none."""

    def __init__(self, rule: Rule, dtype: torch.dtype, device: torch.device) -> None:
        traced = trace(rule)
        if isinstance(traced, NotTraceable):
            raise traced
        source = emit_cuda(rule, traced, dtype)
        names = [f"descend_measure{depth}" for depth in range(len(source.measured))]
        self._device, self._real = device, torch.float64 if dtype is torch.float64 else torch.float32
        with torch.cuda.device(device):
            *self._measuring, self._roots, self._step = _compiled(
                source.text, [*names, "descend_roots", "descend_step"]
            )
        self._levels, self._width = source.measured, source.width
        self.scalars, self.amount = source.scalars, source.amount
        self._numbers, self._names = source.numbers, traced.numbers

    def numbers(self, known: Mapping[str, float]) -> dict[str, float]:
        """Return the new state that is a number."""
        return dict(zip(self._names, self._numbers(known)))

    def run(self, table: "array[int]", scalars: Sequence[float]) -> None:
        """Take one step, as `Kernel.run` does. Raises `RuntimeError` while a graph is captured.

        A graph would replay this step's numbers for ever: `capturable=True` keeps them on the device.
        """
        if torch.cuda.is_current_stream_capturing():
            raise RuntimeError("a CUDA graph captures this step: make the optimizer with capturable=True")
        with torch.cuda.device(self._device):
            begins, ends = table[:: self._width], table[1 :: self._width]
            stream = torch.cuda.current_stream().cuda_stream  # what one has sent another need not see yet
            pieces, firsts, blocks = _pieces(self._device, stream, begins.tobytes(), ends.tobytes())
            if not blocks:
                return
            held = torch.tensor(scalars or [0.0], dtype=self._real).pin_memory().to(self._device, non_blocking=True)
            count = sum(self._levels)
            sums = torch.empty(max(1, blocks * count), dtype=torch.float64, device=self._device)
            norms = torch.empty(max(1, len(begins) * count), dtype=torch.float64, device=self._device)
            given = [_sent(self._device, stream, table.tobytes()), pieces, held, norms, sums]
            grid, block, done = (blocks, 1, 1), (THREADS, 1, 1), 0
            for measure, amount in zip(self._measuring, self._levels):
                measure(grid, block, given)
                self._roots((len(begins), 1, 1), block, [sums, firsts, norms, done, done + amount, count])
                done += amount
            self._step(grid, block, given)


def _compiled(text: str, names: Sequence[str]) -> list:
    """Return the kernels of a text by name. Raises `NoCompiler`."""
    try:
        from torch.cuda import _utils

        # no fused multiply-add, as in C: each operation is rounded as torch rounds it
        binary, _ = _utils._nvrtc_compile(text, names[-1], nvcc_options=["--fmad=false"])
        kernels = _utils._cuda_load_module(binary, list(names))
    except (ImportError, AttributeError, TypeError, OSError, RuntimeError) as error:
        raise NoCompiler(f"torch cannot build CUDA kernels here: {str(error).strip().splitlines()[0]}") from error
    assert isinstance(kernels, dict)
    return [kernels[name] for name in names]


@lru_cache(maxsize=KEPT)
def _pieces(device: torch.device, stream: int, begins: bytes, ends: bytes) -> tuple[Tensor, Tensor, int]:
    """Return each block's row and piece, each row's first block, and how many blocks there are."""
    pairs, firsts = array("i"), array("i", [0])
    for row, (begin, end) in enumerate(zip(array("q", begins), array("q", ends))):
        for piece in range(-(-(end - begin) // PIECE)):
            pairs.extend((row, piece))
        firsts.append(len(pairs) // 2)
    on_device = [torch.tensor(values, dtype=torch.int32, device=device) for values in (pairs, firsts)]
    return on_device[0], on_device[1], len(pairs) // 2


@lru_cache(maxsize=KEPT)
def _sent(device: torch.device, stream: int, table: bytes) -> Tensor:
    values = torch.frombuffer(bytearray(table), dtype=torch.int64)
    return values.pin_memory().to(device, non_blocking=True)
