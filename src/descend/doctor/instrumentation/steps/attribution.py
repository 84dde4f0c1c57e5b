"""Find which loss belongs to which optimizer's step.

A backward pass belongs to the optimizer that steps next among those whose parameters it reaches. For example, a GAN's
generator loss also reaches the discriminator, but the generator steps next. Losses accumulated for one step are added.
Passes whose gradients are cleared before the step do not count, such as the trials of a line search.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.instrumentation.sharding import is_sharded
from descend.doctor.instrumentation.steps.opponents import Opponents
from descend.doctor.tape import leaf_parameters

# After this many graph searches with equal results, the optimizers that a backward call reaches are known.
LEARNED_AFTER = 3
TRIED_AFTER = 20  # number of steps in which each backward pass of a closure is observed
KEPT = 512  # At most this many backward passes are kept until an optimizer's step uses them.


def _return_none() -> None:
    """Return None, like a weak reference to a freed object."""


@dataclass
class Stepper:
    """Counts the steps of one optimizer, or of manual updates, and stores what has happened since the last step."""

    key: str
    # returns the optimizer; None for manual updates, or if the optimizer has been freed
    find: Callable[[], Optimizer | None]
    by_hand: bool = False
    steps: int = 0
    passes: int = 1  # number of backward passes of the last step whose passes are known
    is_fed: bool = True  # whether the last step used gradients from a backward pass
    cleared: bool = False  # whether a backward pass since the last step began with cleared gradients
    delivered: bool = False  # whether a backward pass since the last step has produced gradients
    unreached: tuple[str, ...] = ()  # names of used weights that had no gradient when the step began
    wiped: bool = False  # whether the gradients had been cleared when the step began
    lost: int = 0  # number of backward passes since the last step whose gradients were cleared by the next pass
    last_pass: tuple[object, int] = (None, 0)  # place of the last backward pass, and changes of the parameters so far
    gradients: dict[int, int] = field(default_factory=dict)  # id of a gradient -> its number of in-place changes
    held: frozenset[int] = frozenset()  # ids of the optimizer's parameters
    epoch: int = 0  # how often the optimizer's gradients have been cleared
    _pending: bool = False  # whether there was a backward pass since the last step
    _sample: Callable[[], Tensor | None] = _return_none  # returns the parameter whose gradient is inspected
    _version: int | None = None  # version counter of the inspected gradient after a backward pass

    @property
    def optimizer(self) -> Optimizer | None:
        """Return the optimizer; None for manual updates, or if it has been freed."""
        return self.find()

    def refresh(self) -> None:
        """Update the ids of the optimizer's parameters, because parameter groups may be added at any time."""
        self.held = frozenset(id(p) for p in self.parameters())

    def parameters(self) -> Iterator[Tensor]:
        """Yield the parameters that the optimizer holds."""
        optimizer = self.optimizer
        for group in optimizer.param_groups if optimizer is not None else ():
            yield from group["params"]

    @property
    def is_sharded(self) -> bool:
        """Return whether the optimizer holds parameters that are sharded over several processes."""
        return any(map(is_sharded, self.parameters()))

    def count_clearing(self) -> None:
        """Before a backward pass, add 1 to `epoch` if the gradients were cleared after the last pass without a step."""
        if not self._pending:
            self._pending = True
            return
        parameter = self._sample()
        if parameter is None:
            parameter = next((p for p in self.parameters() if p.grad is not None and not p.grad.is_sparse), None)
            self._sample = _return_none if parameter is None else weakref.ref(parameter)
        grad = None if parameter is None else parameter.grad
        # Reading the gradient waits for the GPU, so it is read only if it has been written to.
        if grad is None or (grad._version != self._version and not bool(grad.count_nonzero())):
            self.epoch += 1

    def remember_version(self) -> None:
        """After a backward pass, store the version counter of a gradient if steps use several backward passes."""
        parameter = self._sample() if self.passes > 1 else None
        grad = None if parameter is None else parameter.grad
        self._version = None if grad is None else grad._version

    def forget_passes(self) -> None:
        """Forget the backward passes before a step, so that changes of gradients by the step itself are ignored."""
        self._pending, self._version = False, None


def count_writes(steppers: Iterable[Stepper]) -> int:
    """Return the number of in-place writes to the parameters of these optimizers so far."""
    return sum(parameter._version for stepper in steppers for parameter in stepper.parameters())


@dataclass(slots=True)
class _Pass:
    """A backward pass that is kept until all optimizers that it reaches have stepped."""

    number: int
    loss: Tensor
    place: Any
    epochs: dict[str, int]  # key of an optimizer -> how often its gradients were cleared before this backward pass
    inside: bool  # whether the backward pass runs in a closure, inside optimizer.step()
    returned: bool  # whether the gradients were returned instead of accumulated in .grad
    takers: set[str] = field(default_factory=set)


@dataclass
class _Reach:
    """The optimizers whose parameters the backward passes of one place in the source reach."""

    keys: frozenset[str]
    walks: int = 1
    steady: bool = True


@dataclass
class Attribution:
    """Decides by the order of backward passes and steps which loss belongs to which optimizer's step."""

    steppers: dict[str, Stepper]
    opponents: Opponents = field(default_factory=Opponents)
    made: int = 0  # number of backward passes so far
    ages: tuple[int, ...] = ()  # how many passes ago each backward pass of the last step was; () if this may vary
    _passes: list[_Pass] = field(default_factory=list)
    _reach: dict[Any, _Reach] = field(default_factory=dict)
    _steps_next: dict[Any, str] = field(default_factory=dict)
    _missed: set[str] = field(default_factory=set)

    def mark_passes_missed(self) -> None:
        """Record that backward passes were not observed, so the passes of each optimizer's next step are unknown."""
        self._missed = set(self.steppers)

    def forget(self) -> None:
        """Forget all backward passes, because they were not part of a training."""
        self._passes.clear()
        self._reach.clear()
        self._steps_next.clear()

    def forget_reach(self) -> None:
        """Forget which optimizers a backward pass reaches, after a new optimizer or a wrong attribution."""
        self._reach.clear()

    def record_backward(
        self, loss: Tensor, root: Tensor, place: Any, *, inside: bool = False, returned: bool = False
    ) -> frozenset[str]:
        """Record a backward pass at `place`; return the keys of the optimizers whose parameters it reaches."""
        reaches = self._reached_optimizers(root, place)
        for key in reaches:
            self.steppers[key].count_clearing()
        epochs = {key: self.steppers[key].epoch for key in reaches}
        self.made += 1
        self._passes.append(_Pass(self.made, loss.detach(), place, epochs, inside, returned))
        del self._passes[:-KEPT]
        return reaches

    def has_counted_closure_pass(self, stepper: Stepper) -> bool:
        """Return whether the only backward pass of a closure that the step uses has run, judging by earlier steps."""
        is_made = bool(self._passes) and self._passes[-1].inside and stepper.key in self._passes[-1].epochs
        return is_made and stepper.passes == 1 and stepper.steps >= TRIED_AFTER

    def record_loss_parameters(self, stepper: Stepper, parameters: Iterable[Tensor]) -> None:
        """Record the parameters that an optimizer's loss depends on, including those of other optimizers."""
        foreign = {id(p) for p in parameters} - stepper.held
        self.opponents.record_dependence(
            stepper.key, [key for key, other in self.steppers.items() if foreign & other.held]
        )

    def backward_ended(self) -> None:
        """Record that the gradients of the last backward pass have been computed."""
        if self._passes:
            for key in self._passes[-1].epochs:
                self.steppers[key].remember_version()

    def next_optimizer(self, place: Any, reaches: frozenset[str]) -> str | None:
        """Return the key of the optimizer that will probably step after a backward pass at `place`; None if unknown."""
        return next(iter(reaches), None) if len(self.steppers) == 1 else self._steps_next.get(place)

    def is_reach_known(self, place: Any) -> bool:
        """Return whether the optimizers that a backward pass at `place` reaches are known without a graph search."""
        known = self._reach.get(place)
        return len(self.steppers) <= 1 or known is not None and known.steady and known.walks >= LEARNED_AFTER

    def loss_of_step(self, stepper: Stepper) -> Tensor | None:
        """Return the loss of the step that has just ended: the sum over its backward passes."""
        key = stepper.key
        stepper.forget_passes()
        if not stepper.steps and len(self.steppers) > 1:
            self.opponents.report_first_step(key, {s.key: s.steps for s in self.steppers.values() if s is not stepper})
        if len(self._passes) == 1 == len(self.steppers):  # the usual case: one optimizer, one backward pass
            return self._step_loss(stepper, [self._passes.pop()])
        fed = self._passes_of_step(key)
        if not fed and self._passes and not self._passes[-1].takers:
            self.forget_reach()  # The known reach was wrong: the last backward pass has reached it.
            fed = self._passes[-1:]
        self._report_opponents(key, fed)
        for passed in fed:
            if not passed.takers:
                self._steps_next[passed.place] = key
        for passed in self._passes:
            if key in passed.epochs:
                passed.takers.add(key)
        self._passes = [p for p in self._passes if not p.takers.issuperset(p.epochs)]
        return self._step_loss(stepper, fed)

    def _report_opponents(self, key: str, fed: Sequence[_Pass]) -> None:
        """Report to `opponents` which optimizers share a backward pass, and which only clear its gradients."""
        for passed in self._passes:
            if fed and key in passed.epochs and key not in passed.takers:
                if passed.epochs[key] == fed[0].epochs.get(key):
                    self.opponents.record_shared_pass(key, passed.takers)
                else:
                    for taker in passed.takers:
                        self.opponents.record_dependence(taker, [key])
        self.opponents.record_step(key)

    def _step_loss(self, stepper: Stepper, fed: list[_Pass]) -> Tensor | None:
        """Return the loss of a step, which is the sum over its backward passes; None if these are unknown."""
        may_vary = any(p.inside or p.returned for p in fed)
        is_known = stepper.key not in self._missed
        self._missed.discard(stepper.key)
        self.ages = () if may_vary or not is_known else tuple(self.made - p.number for p in fed)
        stepper.is_fed = not is_known or any(not p.returned for p in fed)
        if not fed or not is_known:
            return None
        stepper.passes = len(fed)
        return sum_losses([p.loss for p in fed])

    def _passes_of_step(self, key: str) -> list[_Pass]:
        """Return the backward passes whose gradients an optimizer's step uses."""
        since = [p for p in self._passes if key in p.epochs and key not in p.takers]
        since = [p for p in since if not p.returned] or since
        if not since:
            return []
        trials = [p for p in since if p.inside]
        # Only a closure's first backward pass uses the parameters before the step.
        chosen = (trials[0] if trials else since[-1]).epochs[key]
        alike = [p for p in since if p.epochs[key] == chosen]
        return [p for p in alike if not p.takers] or alike

    def _reached_optimizers(self, root: Tensor, place: Any) -> frozenset[str]:
        """Return the keys of the optimizers whose parameters are in the graph of the loss `root`."""
        if len(self.steppers) <= 1:
            return frozenset(self.steppers)
        known = self._reach.get(place)
        if known is not None and self.is_reach_known(place):
            return known.keys
        leaves = {id(p) for p in leaf_parameters(root)}
        found = frozenset(key for key, stepper in self.steppers.items() if leaves & stepper.held)
        if known is None:
            self._reach[place] = _Reach(found)
        else:
            known.walks, known.steady = known.walks + 1, known.steady and known.keys == found
        return found


def sum_losses(losses: Sequence[Tensor]) -> Tensor:
    """Return the sum of scalar losses. On the CPU it has double precision, as the numbers of light sampling have."""
    if len(losses) == 1:
        return losses[0]
    each = torch.stack([loss.reshape(()) for loss in losses])
    return (each.double() if each.is_cpu else each).sum()
