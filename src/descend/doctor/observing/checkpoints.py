"""Weights that a script loads, and those that it meant to load: their names differ by a prefix, and nothing says so.

net.load_state_dict(torch.load("net.pt"), strict=False)   # "module.fc.weight" is not "fc.weight"
"""

import weakref
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NamedTuple

from torch import Tensor, nn

from descend.doctor.observing.guard import harmless
from descend.doctor.observing.modules import Modules
from descend.doctor.record import Fact, Listener, facts

LOAD = "load_state_dict"


class Renaming(NamedTuple):
    """What stands before the names on one side alone."""

    prefix: str
    is_extra: bool  # in the checkpoint, not in the module
    names: int  # of tensors that it would bring home


class Checkpoints:
    """Told of each load of weights into a module."""

    def __init__(
        self,
        modules: Modules,
        send: Listener,
        steps: Callable[[], int],
        stumbled: Callable[[Exception], None],
    ) -> None:
        self._modules, self._send, self._steps, self.stumbled = modules, send, steps, stumbled
        self.inert = False
        self._left: dict[int, tuple[weakref.ref[nn.Module], str]] = {}  # by id of the module: the place of its fact

    @harmless
    def loaded(self, module: nn.Module, given: Any, outcome: Any, frame: FrameType | None) -> None:
        """Report how much was loaded before the first step, and compare the missing names with the unexpected ones."""
        missing, unexpected = list(outcome.missing_keys), list(outcome.unexpected_keys)
        if not self._steps() and (of := len(module.state_dict())) > len(missing):
            self._send([Fact.of(facts.LoadedWeights(of - len(missing), of), 0)])
        known = self._left.get(id(module))
        place = known[1] if known is not None and known[0]() is module else None
        if not missing and place is not None:
            self._send([Fact.of(facts.LeftUnloaded(missing=0), self._steps(), place)])
        if not missing or not unexpected or not isinstance(given, Mapping):
            return
        own = module.state_dict()
        found = renaming(own, given, missing, unexpected)
        if found is None and len(missing) < len(own):
            return  # some of it was meant
        place = place or str(len(self._left))
        self._left[id(module)] = weakref.ref(module), place
        other = _there(missing[0], found.prefix, is_extra=found.is_extra) if found else unexpected[0]
        mended = found._asdict() if found else {}
        left = facts.LeftUnloaded(len(missing), len(own), missing[0], other, **mended)
        self._send([Fact.of(left, self._steps(), place)])
        self._modules.note_call(LOAD, place, frame, type(module).__name__)


def renaming(
    own: Mapping[str, Tensor], given: Mapping[str, Any], missing: list[str], unexpected: list[str]
) -> Renaming | None:
    """Return the prefix that brings most of what is missing home, in shape, too; None where none brings half of it."""
    known = set(unexpected)
    best: Renaming | None = None
    for name, is_extra in ((n, extra) for extra in (True, False) for n in missing):
        prefixes = {longer[: -len(shorter)] for longer, shorter in _pairs(name, unexpected, is_extra=is_extra)}
        for prefix in prefixes:
            home = sum(_fits(own[n], given, _there(n, prefix, is_extra=is_extra), known) for n in missing)
            if best is None or home > best.names:
                best = Renaming(prefix, is_extra, home)
        if prefixes:
            break  # one name that has its like tells the prefix
    return best if best is not None and 2 * best.names >= len(missing) else None


def _pairs(name: str, unexpected: list[str], *, is_extra: bool) -> list[tuple[str, str]]:
    pairs = [(other, name) if is_extra else (name, other) for other in unexpected]
    return [(longer, shorter) for longer, shorter in pairs if longer.endswith(f".{shorter}")]


def _there(name: str, prefix: str, *, is_extra: bool) -> str:
    """Return what a tensor of the module is called in the checkpoint."""
    return prefix + name if is_extra else name.removeprefix(prefix)


def _fits(tensor: Tensor, given: Mapping[str, Any], name: str, unexpected: set[str]) -> bool:
    other = given.get(name)
    return name in unexpected and isinstance(other, Tensor) and other.shape == tensor.shape
