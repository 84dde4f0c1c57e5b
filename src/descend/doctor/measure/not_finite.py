"""The first call that returns NaN or infinity in the first loss although its inputs are finite, or masked by −inf."""

from math import inf, isfinite
from typing import Any

from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op

# These functions are defined only for some real numbers, so their inputs must be restricted.
PARTIAL = having(Trait.PARTIAL_DOMAIN)
MASKING = having(Trait.MASKING)  # A script may use these calls to write −inf on purpose.


def not_finite(snapshot: Snapshot) -> Measurement:
    """Yield the first call with a non-finite result, if the loss before the first optimizer step is not finite."""
    if snapshot.step > 0 or isfinite(snapshot.trained[0].loss):
        return
    recording = snapshot.recordings()[0]
    found: list[tuple[Op, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the first call whose result is not finite although its inputs are finite."""
        if found:
            return
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x.is_floating_point()]
        if not given or not isinstance(result, Tensor) or not all(map(_is_finite_or_masked, given)):
            return
        is_whole = op.name not in MASKING and all(bool(x.isfinite().all()) for x in given)
        if not _is_finite_or_masked(result) or is_whole and not bool(result.isfinite().all()):
            found.append((op, given[0].detach()))

    run_without_graph(recording, watch)
    for op, given in found[:1]:
        snapshot.note_site(SiteKind.NOT_FINITE, "0", op.site, op.name)
        is_masked = not bool(given.isfinite().all())
        least, most = float(given.min()), float(given.max())
        yield Fact.of(facts.NotFinite(op.name, op.name in PARTIAL, least, most, is_masked), snapshot.step)


def _is_finite_or_masked(values: Tensor) -> bool:
    """Return whether all values are finite or −inf; −inf is used to exclude entries from a softmax."""
    return not bool((values.isnan() | (values == inf)).any())
