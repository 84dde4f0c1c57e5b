"""Torch's random streams: the CPU's, and each initialised CUDA device's."""

import ctypes
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RandomState:
    """Where the streams stand."""

    cpu: bytes
    cuda: tuple[tuple[int, int], ...]  # per device: seed and offset into its Philox stream

    @staticmethod
    def now() -> "RandomState":
        """Return where the streams stand now."""
        cuda = torch.cuda.default_generators if torch.cuda.is_initialized() else ()
        cpu = torch.default_generator.get_state()
        return RandomState(
            ctypes.string_at(cpu.data_ptr(), cpu.numel()),  # 5 KB; numpy may be missing
            tuple((generator.initial_seed(), generator.get_offset()) for generator in cuda),
        )

    def restore(self) -> None:
        """Put the streams back to where they stood."""
        state = torch.frombuffer(bytearray(self.cpu), dtype=torch.uint8)
        torch.default_generator.set_state(state)
        for generator, (seed, offset) in zip(torch.cuda.default_generators, self.cuda):
            generator.manual_seed(seed)
            generator.set_offset(offset)
