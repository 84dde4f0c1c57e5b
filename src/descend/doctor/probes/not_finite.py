"""The call that makes the first loss infinite or NaN, where all that it was given was finite, or masked by -inf."""

from math import inf, isfinite
from typing import Any

from torch import Tensor

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op

# Defined on a part of the numbers: what comes to them must be confined to it.
PARTIAL = frozenset("log log_ log2 log10 log1p sqrt sqrt_ rsqrt pow __pow__ acos asin atanh acosh logit xlogy".split())
MASKING = frozenset("masked_fill masked_fill_ where full_like new_full".split())  # write -inf on purpose


def not_finite(snapshot: Snapshot) -> Measurement:
    """Yield the fact `not_finite` of a loss that is not finite before any step has been taken."""
    if snapshot.step > 0 or isfinite(snapshot.trained[0].loss):
        return
    recording = snapshot.recordings()[0]
    found: list[tuple[Op, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if found:
            return
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x.is_floating_point()]
        if not given or not isinstance(result, Tensor) or not all(map(_is_masked_at_most, given)):
            return
        is_whole = op.name not in MASKING and all(bool(x.isfinite().all()) for x in given)
        if not _is_masked_at_most(result) or is_whole and not bool(result.isfinite().all()):
            found.append((op, given[0].detach()))

    run_watched(recording, watch)
    for op, given in found[:1]:
        snapshot.note_site("not_finite", "0", op.site, op.name)
        is_masked = not bool(given.isfinite().all())
        least, most = float(given.min()), float(given.max())
        yield Fact.of(facts.NotFinite(op.name, op.name in PARTIAL, least, most, is_masked), snapshot.step)


def _is_masked_at_most(values: Tensor) -> bool:
    """Whether all values are finite, but for those that a softmax is to leave out."""
    return not bool((values.isnan() | (values == inf)).any())
