"""Find weights that a script fails to load: their names differ from the module's, or the module loads its own weights.

With `strict=False` PyTorch reports nothing: `net.load_state_dict(torch.load("net.pt"), strict=False)` loads nothing
if the checkpoint has "module.fc.weight" and the module has "fc.weight". PyTorch does not report either that
`target.load_state_dict(target.state_dict())` changes nothing.
"""

import weakref
from collections.abc import Mapping
from types import FrameType
from typing import Any, NamedTuple

from torch import Tensor, nn

from descend.doctor.instrumentation.frames import CallSpan, call_span, variable_of, variables_in
from descend.doctor.instrumentation.internal_errors import ObserverPart, never_raises
from descend.doctor.record import Fact, SiteKind, facts

MOST_PLACES = 8  # At most this many calls by which modules load their own weights are reported.


class PrefixDifference(NamedTuple):
    """A prefix that the names of weights have either in a checkpoint or in the module, but not in both."""

    prefix: str
    is_extra: bool  # True if the checkpoint's names have the prefix, False if the module's names have it
    names: int  # number of missing weights that are found once the prefix is removed or added


class Checkpoints(ObserverPart):
    """Observes calls of `load_state_dict`, and reports weights that were not loaded."""

    def __init__(self, observer: Any) -> None:
        super().__init__(observer)
        # id of a module with weights that were not loaded -> (module, number under which they are reported)
        self._left: dict[int, tuple[weakref.ref[nn.Module], str]] = {}
        self._own: set[CallSpan] = set()  # calls by which modules load their own weights

    @never_raises
    def weights_loaded(self, module: nn.Module, given: Any, outcome: Any, frame: FrameType | None) -> None:
        """Report how many weights were loaded before the first step, and whether a prefix explains missing weights."""
        missing, unexpected = list(outcome.missing_keys), list(outcome.unexpected_keys)
        if not self.observer.steps and (of := len(module.state_dict())) > len(missing):
            self.observer.send([Fact.of(facts.LoadedWeights(of - len(missing), of), 0)])
        known = self._left.get(id(module))
        place = known[1] if known is not None and known[0]() is module else None
        if not missing and place is not None:
            self.observer.send([Fact.of(facts.PartlyLoaded(missing=0), self.observer.steps, place)])
        if isinstance(given, Mapping) and _shares_tensors(module.state_dict(), given):
            self._report_own_weights(module, frame)
        if not missing or not unexpected or not isinstance(given, Mapping):
            return
        own = module.state_dict()
        found = find_prefix_difference(own, given, missing, unexpected)
        if found is None and len(missing) < len(own):
            return  # The script may load only some weights on purpose.
        place = place or str(len(self._left))
        self._left[id(module)] = weakref.ref(module), place
        other = _checkpoint_name(missing[0], found.prefix, is_extra=found.is_extra) if found else unexpected[0]
        renamed = found._asdict() if found else {}
        left = facts.PartlyLoaded(len(missing), len(own), missing[0], other, **renamed)
        self.observer.send([Fact.of(left, self.observer.steps, place)])
        self.observer.modules.report_call(SiteKind.LOAD_STATE_DICT, place, frame, type(module).__name__)

    def _report_own_weights(self, module: nn.Module, frame: FrameType | None) -> None:
        """Report that a module has loaded its own weights, and the variable of a module whose weights would fit."""
        caller = self.observer.modules.tree.caller(frame)
        span = call_span(caller)
        if caller is None or span is None or span in self._own or len(self._own) == MOST_PLACES:
            return
        place = f"own{len(self._own)}"
        self._own.add(span)
        source = self._source_variable(module, caller)
        self.observer.modules.report_site(SiteKind.LOAD_STATE_DICT, place, span, type(module).__name__)
        loaded = facts.OwnWeightsLoaded(len(module.state_dict()), variable_of(module, caller), source)
        self.observer.send([Fact.of(loaded, self.observer.steps, place)])

    def _source_variable(self, module: nn.Module, frame: FrameType) -> str:
        """Return the variable in a frame of another module with most of the tensors; "" without such a module.

        A module that is trained comes first, the one that was trained last before others.
        """
        own = {name: tensor.shape for name, tensor in module.state_dict().items()}
        found: dict[str, int] = {}
        for name, other in variables_in(frame):
            if isinstance(other, nn.Module) and other is not module:
                theirs = {name: tensor.shape for name, tensor in other.state_dict().items()}
                if 2 * len(own.items() & theirs.items()) > len(own):
                    found.setdefault(name, self._last_optimizer(other))
        return max(found, key=lambda name: found[name], default="")

    def _last_optimizer(self, module: nn.Module) -> int:
        """Return the number of the last optimizer that holds a parameter of a module; -1 without an optimizer."""
        ids = {id(p) for p in module.parameters()}
        steppers = self.observer.steppers.by_key.values()
        return max((number for number, stepper in enumerate(steppers) if ids & stepper.held), default=-1)


def _shares_tensors(own: Mapping[str, Tensor], given: Mapping[str, Any]) -> bool:
    """Return whether each given tensor with a name of the module has the memory of the module's own tensor."""
    pairs = [(tensor, given[name]) for name, tensor in own.items() if name in given and tensor.numel()]
    return bool(pairs) and all(isinstance(b, Tensor) and a.data_ptr() == b.data_ptr() for a, b in pairs)


def find_prefix_difference(
    own: Mapping[str, Tensor], given: Mapping[str, Any], missing: list[str], unexpected: list[str]
) -> PrefixDifference | None:
    """Return the prefix with which most missing weights are in the checkpoint; None if fewer than half are."""
    known = set(unexpected)
    best: PrefixDifference | None = None
    for name, is_extra in ((n, extra) for extra in (True, False) for n in missing):
        prefixes = {longer[: -len(shorter)] for longer, shorter in _prefixed_pairs(name, unexpected, is_extra=is_extra)}
        for prefix in prefixes:
            matches = sum(
                _has_tensor(own[n], given, _checkpoint_name(n, prefix, is_extra=is_extra), known) for n in missing
            )
            if best is None or matches > best.names:
                best = PrefixDifference(prefix, is_extra, matches)
        if prefixes:
            break  # One name with a match is enough to determine the prefix.
    return best if best is not None and 2 * best.names >= len(missing) else None


def _prefixed_pairs(name: str, unexpected: list[str], *, is_extra: bool) -> list[tuple[str, str]]:
    """Return (longer name, shorter name) for each name in `unexpected` that differs from `name` only by a prefix."""
    pairs = [(other, name) if is_extra else (name, other) for other in unexpected]
    return [(longer, shorter) for longer, shorter in pairs if longer.endswith(f".{shorter}")]


def _checkpoint_name(name: str, prefix: str, *, is_extra: bool) -> str:
    """Return the name in the checkpoint of the module's weight `name`, with the prefix added or removed."""
    return prefix + name if is_extra else name.removeprefix(prefix)


def _has_tensor(tensor: Tensor, given: Mapping[str, Any], name: str, unexpected: set[str]) -> bool:
    """Return whether the checkpoint's `unexpected` tensors include one with this name and the shape of `tensor`."""
    other = given.get(name)
    return name in unexpected and isinstance(other, Tensor) and other.shape == tensor.shape
