"""The call that makes the first loss infinite or NaN, where all that it was given was finite."""

from math import isfinite
from typing import Any

from torch import Tensor

from descend.probes.feeding import run_watched
from descend.probes.moment import Measurement, Moment
from descend.record import Fact
from descend.tape import Op

# Defined on a part of the numbers: what comes to them must be confined to it.
PARTIAL = frozenset("log log_ log2 log10 log1p sqrt sqrt_ rsqrt pow __pow__ acos asin atanh acosh logit xlogy".split())


def not_finite(moment: Moment) -> Measurement:
    """Yield the fact `not_finite` of a loss that is not finite before any step has been taken."""
    if moment.step > 0 or isfinite(moment.trained[0].loss):
        return
    recording = moment.recordings()[0]
    found: list[tuple[Op, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if found:
            return
        given = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor) and x.is_floating_point()]
        is_made_here = all(bool(x.isfinite().all()) for x in given)
        if given and is_made_here and isinstance(result, Tensor) and not bool(result.isfinite().all()):
            found.append((op, given[0].detach()))

    run_watched(recording, watch)
    for op, given in found[:1]:
        moment.note_site("not_finite", "0", op.site, op.name)
        detail = {
            "function": op.name,
            "is_partial": op.name in PARTIAL,
            "min": float(given.min()),
            "max": float(given.max()),
        }
        yield Fact("not_finite", "", moment.step, detail)
