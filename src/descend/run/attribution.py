"""Which loss belongs to which optimizer.

A backward pass belongs to the optimizer that steps next among those whose parameters it reaches: a GAN's generator
loss reaches the discriminator too, but it is the generator that then steps. Passes accumulated for one step add up.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.tape import leaf_parameters

LEARNED_AFTER = 3  # walks of the graph at one backward call before its reach is taken as known
KEPT = 8  # passes remembered where several optimizers take turns


@dataclass
class Stepper:
    """One optimizer of the script and what it has done so far."""

    key: str
    optimizer: Optimizer | None
    steps: int = 0
    passes: int = 1  # backward passes that fed its last step
    cleared: bool = False  # whether any backward pass since the last step began with clear gradients
    held: frozenset[int] = frozenset()  # ids of its parameters

    def refresh(self) -> None:
        """Read its parameters again: groups may be added at any time."""
        if self.optimizer is not None:
            self.held = frozenset(id(p) for group in self.optimizer.param_groups for p in group["params"])


@dataclass
class _Pass:
    loss: Tensor
    reaches: frozenset[str]
    taken: bool = False


@dataclass
class Attribution:
    """Learns from the order of backward passes and steps."""

    steppers: dict[str, Stepper]
    _passes: list[_Pass] = field(default_factory=list)
    _reach: dict[Any, tuple[frozenset[str], int]] = field(default_factory=dict)
    _steps_next: dict[Any, str] = field(default_factory=dict)
    _place: Any = None

    def backward(self, loss: Tensor, root: Tensor, place: Any) -> frozenset[str]:
        """Take note of a backward pass made at `place`; return the keys of the optimizers that it reaches."""
        reaches = self._reaches(root, place)
        self._passes.append(_Pass(loss.detach(), reaches))
        self._place = place
        return reaches

    def owner(self, place: Any, reaches: frozenset[str]) -> str | None:
        """Return who is expected to step after a backward pass at `place`; None while that is unknown."""
        return self._steps_next.get(place) or (min(reaches) if len(self.steppers) == 1 and reaches else None)

    def step(self, stepper: Stepper) -> Tensor | None:
        """Return the loss that fed the step which has just ended: the sum of its backward passes."""
        mine = [p for p in self._passes if stepper.key in p.reaches]
        fed = [p for p in mine if not p.taken] or mine
        for passed in fed:
            passed.taken = True
        self._passes = self._passes[-KEPT:] if len(self.steppers) > 1 else []
        if not fed:
            return None
        stepper.passes = len(fed)
        self._steps_next[self._place] = stepper.key
        return fed[0].loss if len(fed) == 1 else torch.stack([p.loss.reshape(()) for p in fed]).sum()

    def _reaches(self, root: Tensor, place: Any) -> frozenset[str]:
        if len(self.steppers) <= 1:
            return frozenset(self.steppers)
        known, times = self._reach.get(place, (frozenset(), 0))
        if times < LEARNED_AFTER:
            leaves = {id(p) for p in leaf_parameters(root)}
            known |= {key for key, stepper in self.steppers.items() if leaves & stepper.held}
            self._reach[place] = (known, times + 1)
        return known
