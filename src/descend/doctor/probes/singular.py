"""The calls on the way to the loss whose derivative is infinite at zero, and how near to it they have come."""

from typing import Any

from torch import Tensor

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op
from descend.doctor.tape.call import SMOOTH

LOGARITHMS = frozenset({"log", "log2", "log10"})


def singular(snapshot: Snapshot) -> Measurement:
    """Yield one fact `singular` for each call, with the least value it was given in the fixed examples."""
    seen: dict[Any, tuple[Op, float]] = {}

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if SMOOTH not in op.taints or not args or not isinstance(args[0], Tensor) or op.origin is None:
            return
        site = op.origin.site
        if site is not None and _is_singular(op.name, args) and args[0].numel():
            key = (op.name, site.file, site.line, site.column)
            least = seen.get(key, (op, float("inf")))[1]
            seen[key] = (op, min(least, float(args[0].min())))

    for recording in snapshot.recordings():
        run_watched(recording, watch)
    for i, (op, least) in enumerate(seen.values()):
        snapshot.note_site("singular", str(i), op.site, op.name)
        yield Fact.of(facts.Singular(op.name, least), snapshot.step, str(i))


def _is_singular(name: str, args: tuple) -> bool:
    """Whether it is a root or a logarithm."""
    if name in ("pow", "__pow__"):
        return len(args) > 1 and isinstance(args[1], float) and 0 < args[1] < 1
    return name in LOGARITHMS or name == "sqrt"
