"""The nearest to plain python that can still be stopped and compared: a count of the optimizer's steps, no more."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook

from descend.run.guard import harmless
from descend.run.replacing import replaced
from descend.tape import leaf_parameters


class Witness:
    """Counts steps and fingerprints the weights; it looks at nothing else."""

    def __init__(self) -> None:
        self.after_step: Callable[[int], None] = lambda steps: None
        self.began: float | None = None  # when the first step ended
        self.inert = False
        self._steps: dict[Optimizer, int] = {}
        self._leaves: tuple[Tensor, ...] = ()  # of the last backward pass of a script that has no optimizer

    @property
    def steps(self) -> int:
        """Steps of the optimizer that has stepped most."""
        return max(self._steps.values(), default=0)

    def step_ended(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """Count a step."""
        self.began = self.began or time.perf_counter()
        self._steps[optimizer] = self._steps.get(optimizer, 0) + 1
        self.after_step(self.steps)

    def stumbled(self, error: Exception) -> None:
        """A mistake here costs the comparison and nothing else."""

    @harmless
    def backward_begins(self, root: Any) -> None:
        """Remember which parameters a script without an optimizer trains."""
        if not self._steps and isinstance(root, Tensor):
            self._leaves = tuple(leaf_parameters(root))

    def finish(self, *, measuring: bool) -> None:
        """There is nothing to measure."""

    def weights(self) -> str:
        """Return the fingerprint of every parameter that an optimizer has stepped on, or the script itself has."""
        held = [p for o in self._steps for group in o.param_groups for p in group["params"]]
        return fingerprint(held or self._leaves)


@contextmanager
def counting(witness: Witness) -> Iterator[None]:
    """Let `witness` count the script's steps for as long as the context lasts."""
    original = torch.autograd.backward  # Tensor.backward calls it

    def backward(tensors: Any, *args: Any, **kwargs: Any) -> None:
        if not is_compiling():
            witness.backward_begins(tensors)
        original(tensors, *args, **kwargs)

    hook = register_optimizer_step_post_hook(witness.step_ended)
    try:
        with replaced(torch.autograd, "backward", backward):
            yield
    finally:
        hook.remove()


def fingerprint(parameters: Iterable[Tensor]) -> str:
    """Return the SHA-256 of the parameters' bytes in whatever order they come; "" where there are none."""
    digests = sorted(hashlib.sha256(_bytes(p)).hexdigest() for p in {id(p): p for p in parameters}.values())
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else ""


def _bytes(parameter: Tensor) -> bytes:
    return parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
