"""The state of torch's default random generators: the CPU's, and one for each initialised CUDA device."""

import ctypes
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class RandomState:
    """The state of torch's default random generators, on the CPU and on each initialised CUDA device."""

    cpu: bytes
    cuda: tuple[tuple[int, int], ...]  # (seed, Philox offset) of the generator of each device

    @staticmethod
    def now() -> "RandomState":
        """Return the present state of torch's default random generators."""
        cuda = torch.cuda.default_generators if torch.cuda.is_initialized() else ()
        cpu = torch.default_generator.get_state()
        return RandomState(
            # The state (5 KB) is read without NumPy, which may not be installed.
            ctypes.string_at(cpu.data_ptr(), cpu.numel()),
            tuple((generator.initial_seed(), generator.get_offset()) for generator in cuda),
        )

    def restore(self) -> None:
        """Set torch's default random generators to this state."""
        state = torch.frombuffer(bytearray(self.cpu), dtype=torch.uint8)
        torch.default_generator.set_state(state)
        for generator, (seed, offset) in zip(torch.cuda.default_generators, self.cuda):
            generator.manual_seed(seed)
            generator.set_offset(offset)
