"""Calls upstream of the loss whose derivative is infinite at zero, and the smallest input that each call received."""

from typing import Any

from torch import Tensor

from descend.core.operations import Trait, having
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op
from descend.doctor.tape.call import SMOOTH

LOGARITHMS = having(Trait.LOGARITHM)


def singular(snapshot: Snapshot) -> Measurement:
    """Yield each root or logarithm that the loss depends on, with its smallest input on the fixed examples."""
    seen: dict[Any, tuple[Op, float]] = {}

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the smallest input of each call whose derivative is infinite at zero."""
        if SMOOTH not in op.dependences or not args or not isinstance(args[0], Tensor) or op.origin is None:
            return
        site = op.origin.site
        if site is not None and _is_singular(op.name, args) and args[0].numel():
            key = (op.name, site.file, site.line, site.column)
            least = seen.get(key, (op, float("inf")))[1]
            seen[key] = (op, min(least, float(args[0].min())))

    for recording in snapshot.recordings():
        run_without_graph(recording, watch)
    for i, (op, least) in enumerate(seen.values()):
        snapshot.note_site(SiteKind.SINGULAR, str(i), op.site, op.name)
        yield Fact.of(facts.Singular(op.name, least), snapshot.step, str(i))


def _is_singular(name: str, args: tuple) -> bool:
    """Return whether a call is a root or a logarithm, whose derivative is infinite at zero."""
    if name in ("pow", "__pow__"):
        return len(args) > 1 and isinstance(args[1], float) and 0 < args[1] < 1
    return name in LOGARITHMS or name == "sqrt"
