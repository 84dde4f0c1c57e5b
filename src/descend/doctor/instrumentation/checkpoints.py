"""Find weights that a script fails to load because names in the checkpoint have another prefix than in the module.

With `strict=False` PyTorch reports nothing: `net.load_state_dict(torch.load("net.pt"), strict=False)` loads nothing
if the checkpoint has "module.fc.weight" and the module has "fc.weight".
"""

import weakref
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, NamedTuple

from torch import Tensor, nn

from descend.doctor.instrumentation.internal_errors import never_raises
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Fact, Listener, SiteKind, facts

LOAD = "load_state_dict"


class PrefixDifference(NamedTuple):
    """A prefix that the names of weights have either in a checkpoint or in the module, but not in both."""

    prefix: str
    is_extra: bool  # True if the checkpoint's names have the prefix, False if the module's names have it
    names: int  # number of missing weights that are found once the prefix is removed or added


class Checkpoints:
    """Observes calls of `load_state_dict`, and reports weights that were not loaded because their names differ."""

    def __init__(
        self,
        modules: Modules,
        send: Listener,
        steps: Callable[[], int],
        on_internal_error: Callable[[Exception], None],
    ) -> None:
        self._modules, self._send, self._steps, self.on_internal_error = modules, send, steps, on_internal_error
        self.is_disabled = False
        # id of a module with weights that were not loaded -> (module, number under which they are reported)
        self._left: dict[int, tuple[weakref.ref[nn.Module], str]] = {}

    @never_raises
    def weights_loaded(self, module: nn.Module, given: Any, outcome: Any, frame: FrameType | None) -> None:
        """Report how many weights were loaded before the first step, and whether a prefix explains missing weights."""
        missing, unexpected = list(outcome.missing_keys), list(outcome.unexpected_keys)
        if not self._steps() and (of := len(module.state_dict())) > len(missing):
            self._send([Fact.of(facts.LoadedWeights(of - len(missing), of), 0)])
        known = self._left.get(id(module))
        place = known[1] if known is not None and known[0]() is module else None
        if not missing and place is not None:
            self._send([Fact.of(facts.PartlyLoaded(missing=0), self._steps(), place)])
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
        self._send([Fact.of(left, self._steps(), place)])
        self._modules.report_call(SiteKind.LOAD_STATE_DICT, place, frame, type(module).__name__)


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
