"""Which loss belongs to which optimizer.

A backward pass belongs to the optimizer that steps next among those whose parameters it reaches: a GAN's generator
loss reaches the discriminator too, but it is the generator that then steps. Passes accumulated for one step add up;
passes whose gradients were cleared again before the step (a line search's trials, an overflow under a GradScaler)
do not count.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from descend.doctor.reading.opponents import Opponents
from descend.doctor.tape import leaf_parameters

LEARNED_AFTER = 3  # walks of the graph that agree, at one backward call, before its reach is taken as known
TRIED_AFTER = 20  # steps whose closures are followed pass by pass
KEPT = 512  # passes remembered for an optimizer that has not stepped yet


def _nothing() -> None:
    return None


@dataclass
class Stepper:
    """One optimizer of the script and what it has done so far."""

    key: str
    find: Callable[[], Optimizer | None]  # None when the script updates by hand, or has let go of its optimizer
    by_hand: bool = False
    steps: int = 0
    passes: int = 1  # backward passes that fed its last step; as many as before where that is not known
    is_fed: bool = True  # whether any did
    cleared: bool = False  # whether any backward pass since the last step began with clear gradients
    delivered: bool = False  # whether a backward pass since the last step has given it gradients
    unreached: tuple[str, ...] = ()  # weights in use that it holds and that had no gradient when the step began
    wiped: bool = False  # whether they were gone when the step began
    held: frozenset[int] = frozenset()  # ids of its parameters
    epoch: int = 0  # how often its gradients have been seen to be cleared
    _pending: bool = False  # whether there was a backward pass since the last step
    _sample: Callable[[], Tensor | None] = _nothing  # one of its parameters, and after a backward pass
    _version: int | None = None  # the version of that one's gradient

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimizer itself."""
        return self.find()

    def refresh(self) -> None:
        """Read its parameters again: groups may be added at any time."""
        self.held = frozenset(id(p) for p in self.parameters())

    def parameters(self) -> Iterator[Tensor]:
        """Yield the parameters that the optimizer holds."""
        optimizer = self.optimizer
        for group in optimizer.param_groups if optimizer is not None else ():
            yield from group["params"]

    def look(self) -> None:
        """Before a backward pass: have the gradients of the last one been cleared, with no step between?"""
        if not self._pending:
            self._pending = True
            return
        parameter = self._sample()
        if parameter is None:
            parameter = next((p for p in self.parameters() if p.grad is not None and not p.grad.is_sparse), None)
            self._sample = _nothing if parameter is None else weakref.ref(parameter)
        grad = None if parameter is None else parameter.grad
        # zeros are looked for only where somebody may have written to the gradient: it would wait for the device
        if grad is None or (grad._version != self._version and not bool(grad.count_nonzero())):
            self.epoch += 1

    def mark(self) -> None:
        """After a backward pass: remember what a gradient looks like, where more passes are to be expected."""
        parameter = self._sample() if self.passes > 1 else None
        grad = None if parameter is None else parameter.grad
        self._version = None if grad is None else grad._version

    def stepped(self) -> None:
        """Take note that the optimizer has stepped; what it does to the gradients after that is its own affair."""
        self._pending, self._version = False, None


def written(steppers: Iterable[Stepper]) -> int:
    """Return a number that grows whenever any of their parameters is written to."""
    return sum(parameter._version for stepper in steppers for parameter in stepper.parameters())


@dataclass(slots=True)
class _Pass:
    number: int
    loss: Tensor
    place: Any
    epochs: dict[str, int]  # of each optimizer that it reaches
    inside: bool  # whether it was made within a step, by a closure
    returned: bool  # whether its gradients were returned and not accumulated
    takers: set[str] = field(default_factory=set)


@dataclass
class _Reach:
    keys: frozenset[str]
    walks: int = 1
    steady: bool = True


@dataclass
class Attribution:
    """Learns from the order of backward passes and steps."""

    steppers: dict[str, Stepper]
    opponents: Opponents = field(default_factory=Opponents)
    made: int = 0  # backward passes
    ages: tuple[int, ...] = ()  # of those that fed the last step: passes since each; none where that may vary
    _passes: list[_Pass] = field(default_factory=list)
    _reach: dict[Any, _Reach] = field(default_factory=dict)
    _steps_next: dict[Any, str] = field(default_factory=dict)
    _missed: set[str] = field(default_factory=set)

    def missed(self) -> None:
        """Take note that passes may have gone by unseen: what feeds the next step of each optimizer is not known."""
        self._missed = set(self.steppers)

    def forget(self) -> None:
        """Begin anew: what was seen was no training yet."""
        self._passes.clear()
        self._reach.clear()
        self._steps_next.clear()

    def forget_reach(self) -> None:
        """Walk the graphs anew: there is another optimizer, or what was learned has proved wrong."""
        self._reach.clear()

    def backward(
        self, loss: Tensor, root: Tensor, place: Any, *, inside: bool = False, returned: bool = False
    ) -> frozenset[str]:
        """Take note of a backward pass made at `place`; return the keys of the optimizers that it reaches."""
        reaches = self._reaches(root, place)
        for key in reaches:
            self.steppers[key].look()
        epochs = {key: self.steppers[key].epoch for key in reaches}
        self.made += 1
        self._passes.append(_Pass(self.made, loss.detach(), place, epochs, inside, returned))
        del self._passes[:-KEPT]
        return reaches

    def has_tried(self, stepper: Stepper) -> bool:
        """Whether the one pass that is to count of a closure's has been made: so it was in the many steps before."""
        is_made = bool(self._passes) and self._passes[-1].inside and stepper.key in self._passes[-1].epochs
        return is_made and stepper.passes == 1 and stepper.steps >= TRIED_AFTER

    def made_with(self, stepper: Stepper, parameters: Iterable[Tensor]) -> None:
        """Take note of the parameters that its loss is made with: others may hold some, trained by this loss or not."""
        foreign = {id(p) for p in parameters} - stepper.held
        self.opponents.moved(stepper.key, [key for key, other in self.steppers.items() if foreign & other.held])

    def backward_ended(self) -> None:
        """Take note that the pass has filled the gradients."""
        if self._passes:
            for key in self._passes[-1].epochs:
                self.steppers[key].mark()

    def owner(self, place: Any, reaches: frozenset[str]) -> str | None:
        """Return who is expected to step after a backward pass at `place`; None while that is unknown."""
        return next(iter(reaches), None) if len(self.steppers) == 1 else self._steps_next.get(place)

    def knows(self, place: Any) -> bool:
        """Whether it is known without a walk of the graph which optimizers a pass at `place` reaches."""
        known = self._reach.get(place)
        return len(self.steppers) <= 1 or known is not None and known.steady and known.walks >= LEARNED_AFTER

    def step(self, stepper: Stepper) -> Tensor | None:
        """Return the loss that fed the step which has just ended: the sum of its backward passes."""
        key = stepper.key
        stepper.stepped()
        if not stepper.steps and len(self.steppers) > 1:
            self.opponents.begins(key, {s.key: s.steps for s in self.steppers.values() if s is not stepper})
        if len(self._passes) == 1 == len(self.steppers):  # nearly always
            return self._summed(stepper, [self._passes.pop()])
        fed = self._fed(key)
        if not fed and self._passes and not self._passes[-1].takers:
            self.forget_reach()  # the last pass must have reached it after all
            fed = self._passes[-1:]
        self._compare(key, fed)
        for passed in fed:
            if not passed.takers:
                self._steps_next[passed.place] = key
        for passed in self._passes:
            if key in passed.epochs:
                passed.takers.add(key)
        self._passes = [p for p in self._passes if not p.takers.issuperset(p.epochs)]
        return self._summed(stepper, fed)

    def _compare(self, key: str, fed: Sequence[_Pass]) -> None:
        """Tell passes that others have stepped on too from those whose gradients were cleared before this step."""
        for passed in self._passes:
            if fed and key in passed.epochs and key not in passed.takers:
                if passed.epochs[key] == fed[0].epochs.get(key):
                    self.opponents.together(key, passed.takers)
                else:
                    for taker in passed.takers:
                        self.opponents.moved(taker, [key])
        self.opponents.stepped(key)

    def _summed(self, stepper: Stepper, fed: list[_Pass]) -> Tensor | None:
        may_vary = any(p.inside or p.returned for p in fed)
        is_known = stepper.key not in self._missed
        self._missed.discard(stepper.key)
        self.ages = () if may_vary or not is_known else tuple(self.made - p.number for p in fed)
        stepper.is_fed = not is_known or any(not p.returned for p in fed)
        if not fed or not is_known:
            return None
        stepper.passes = len(fed)
        return summed([p.loss for p in fed])

    def _fed(self, key: str) -> list[_Pass]:
        since = [p for p in self._passes if key in p.epochs and key not in p.takers]
        since = [p for p in since if not p.returned] or since
        if not since:
            return []
        trials = [p for p in since if p.inside]
        chosen = (trials[0] if trials else since[-1]).epochs[key]  # a closure's first trial is at the step's start
        alike = [p for p in since if p.epochs[key] == chosen]
        return [p for p in alike if not p.takers] or alike

    def _reaches(self, root: Tensor, place: Any) -> frozenset[str]:
        if len(self.steppers) <= 1:
            return frozenset(self.steppers)
        known = self._reach.get(place)
        if known is not None and self.knows(place):
            return known.keys
        leaves = {id(p) for p in leaf_parameters(root)}
        found = frozenset(key for key, stepper in self.steppers.items() if leaves & stepper.held)
        if known is None:
            self._reach[place] = _Reach(found)
        else:
            known.walks, known.steady = known.walks + 1, known.steady and known.keys == found
        return found


def summed(losses: Sequence[Tensor]) -> Tensor:
    """Return the sum of scalars."""
    return losses[0] if len(losses) == 1 else torch.stack([loss.reshape(()) for loss in losses]).sum()
