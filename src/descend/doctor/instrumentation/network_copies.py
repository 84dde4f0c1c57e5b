"""Find copies of the trained network that a script evaluates, and measure how far they follow the network.

A copy is a module of the same class with the same parameter values at the first step, such as `deepcopy(network)` or
the module inside an `AveragedModel`. A global hook on forward passes shows which of the two the script calls after its
last step. The hook exists only if there is a copy.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook

from descend.doctor.instrumentation.frames import CallSpan, call_span, outermost_module, parameters_of, variable_of
from descend.doctor.instrumentation.internal_errors import ObserverPart, never_raises
from descend.doctor.record import Fact, SiteKind, facts

MOST_ELEMENTS = 2**24  # Larger networks are not compared with their copies, because their initial values are stored.
MOST_CALLS = 8  # At most this many calls of one copy are reported.


@dataclass
class _Copy:
    """A network, its copy, and their calls after the most recent step."""

    network: nn.Module  # kept alive, because a script may free its networks before the run ends
    copy: nn.Module
    initial: Tensor  # the parameters of both at the first step
    calls: dict[CallSpan, tuple[str, str]] = field(default_factory=dict)  # place -> variables of the copy and network
    is_network_called: bool = False


class NetworkCopies(ObserverPart):
    """Compares the copies that a script evaluates with the network that it trains."""

    def __init__(self, observer: Any) -> None:
        super().__init__(observer)
        self._copies: list[_Copy] = []
        # id of a network's or copy's module -> (the pair, whether the module belongs to the network)
        self._pairs: dict[int, list[tuple[_Copy, bool]]] = {}
        self._step = 0  # number of steps before the most recent call of a network or copy
        self._hook: Any = None

    @never_raises
    def training_begins(self) -> None:
        """Find the copies of each trained network before the first step, and begin to observe their calls."""
        held = frozenset().union(*(stepper.held for stepper in self.observer.steppers.by_key.values()))
        for network, copy in find_copies(gc.get_objects(), held):
            pair = _Copy(network, copy, _parameters(network))
            self._copies.append(pair)
            for whole in (network, copy):
                for part in whole.modules():
                    self._pairs.setdefault(id(part), []).append((pair, whole is network))
        if self._copies:
            self._hook = register_module_forward_pre_hook(self.module_called)

    def stop(self) -> None:
        """Remove the hook on forward passes."""
        if self._hook is not None:
            self._hook.remove()

    @never_raises
    def module_called(self, module: nn.Module, given: Any) -> None:
        """Store that the script calls a network, its copy, or a part of one of them."""
        if (pairs := self._pairs.get(id(module))) is None:
            return
        if self._step != (steps := self.observer.steps):
            self._step = steps
            for pair in self._copies:
                pair.calls, pair.is_network_called = {}, False
        for pair, is_network in pairs:
            pair.is_network_called |= is_network
            if not is_network and len(pair.calls) < MOST_CALLS:
                self._store_call(pair, sys._getframe(1))

    def _store_call(self, pair: _Copy, frame: FrameType | None) -> None:
        """Store the place of a copy's call: the innermost one that names the copy and in whose scope the network is.

        In a function that receives the copy, only a caller can pass the network instead.
        """
        tree = self.observer.modules.tree
        caller = innermost = tree.caller(outermost_module(frame)[1])
        while caller is not None:
            variables = variable_of(pair.copy, caller), variable_of(pair.network, caller)
            if all(variables) and variables[0] not in parameters_of(caller):
                break
            caller = tree.caller(caller.f_back)
        span = call_span(caller or innermost)
        if span is not None:
            pair.calls[span] = variables if caller is not None else ("", "")

    @never_raises
    def finish(self) -> None:
        """Report how far each copy has followed its network that is called after the last step."""
        for number, pair in enumerate(self._copies if self._step == self.observer.steps else ()):
            path = _parameters(pair.network) - pair.initial
            if bool(path.any()):
                followed = float((_parameters(pair.copy) - pair.initial) @ path / (path @ path))
                self._report(number, pair, followed)

    def _report(self, number: int, pair: _Copy, followed: float) -> None:
        """Send how far a copy has followed its network, and the places that call the copy."""
        for index, (span, (copy, network)) in enumerate(pair.calls.items()):
            place = f"{number}.{index}"
            self.observer.modules.report_site(SiteKind.EVALUATED_COPY, place, span)
            found = facts.EvaluatedCopy(followed, copy, network, pair.is_network_called)
            self.observer.send([Fact.of(found, self.observer.steps, place)])


def find_copies(objects: list[Any], held: frozenset[int]) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Yield (network, copy) for the modules among some objects: largest networks with parameters in an optimizer.

    held: ids of the parameters that optimizers hold.
    """
    alike: dict[Any, list[nn.Module]] = {}
    for module in (x for x in objects if issubclass(type(x), nn.Module)):
        shapes = tuple((name, p.shape) for name, p in module.named_parameters())
        if any(len(shape) > 1 for _, shape in shapes):
            alike.setdefault((type(module), shapes), []).append(module)
    parts: set[int] = set()  # ids of the modules in the networks that have been found
    for modules in sorted(alike.values(), key=lambda group: -sum(1 for _ in group[0].modules())):
        trained = [m for m in modules if any(id(p) in held for p in m.parameters()) and id(m) not in parts]
        others = [m for m in modules if not any(id(p) in held for p in m.parameters())]
        for network in trained:
            if sum(p.numel() for p in network.parameters()) > MOST_ELEMENTS:
                continue
            copies = [other for other in others if _are_equal(network, other)]
            parts |= {id(part) for part in network.modules()} if copies else set()
            yield from ((network, copy) for copy in copies)


def _are_equal(a: nn.Module, b: nn.Module) -> bool:
    """Return whether two modules with parameters of equal shapes have equal values in different tensors."""
    pairs = list(zip(a.parameters(), b.parameters()))
    return all(p is not q and p.device == q.device and torch.equal(p, q) for p, q in pairs)


def _parameters(module: nn.Module) -> Tensor:
    """Return the parameters of a module as one vector in double precision, shape `(parameters,)`."""
    return torch.cat([p.detach().double().flatten() for p in module.parameters()])


@contextmanager
def observing_copies(observer: Any) -> Iterator[NetworkCopies]:
    """Inside the `with` block, observe which copies of the trained networks the script calls."""
    copies = NetworkCopies(observer)

    def step_begins(optimizer: Any, given: Any, named: Any) -> None:
        """Find the copies before the first step of any optimizer."""
        first.remove()
        copies.training_begins()

    first = register_optimizer_step_pre_hook(step_begins)
    try:
        yield copies
    finally:
        first.remove()
        copies.stop()
