"""Do a normalisation's running statistics follow those of the batches? Evaluation computes with the former.

running = (1 − momentum) · running + momentum · batch       (Ioffe & Szegedy 2015, alg. 2; torch.nn.BatchNorm1d)
"""

from collections.abc import Iterator

from torch import nn

from descend.doctor.probes.loss_call import module_of
from descend.doctor.probes.monitored_loss import judged
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, Reading, facts

Norm = nn.modules.batchnorm._BatchNorm


def running_statistics(snapshot: Snapshot) -> Measurement:
    """Yield a fact for each momentum, and `yardstick_in_training`: of the fixed examples by their own statistics."""
    norms: dict[float, list[tuple[Norm, int]]] = {}
    for norm, momentum, updates in _following(snapshot):
        norms.setdefault(momentum, []).append((norm, updates))
    for i, (momentum, found) in enumerate(norms.items()):
        updates = min(updates for _, updates in found)
        first, remaining = snapshot.modules(found[0][0]), (1 - momentum) ** updates
        yield Fact.of(facts.RunningStatistics(momentum, updates, remaining, first), snapshot.step, str(i))
        for norm, _ in found:
            snapshot.note_site(
                "running_statistics", snapshot.modules(norm), snapshot.made_at(norm), type(norm).__name__
            )
    if norms:
        readings = (
            r for r in judged(snapshot.trained, snapshot.step) if isinstance(r, Reading) and r.name == "yardstick"
        )
        yield from (r._replace(name="yardstick_in_training") for r in readings)


def _following(snapshot: Snapshot) -> Iterator[tuple[Norm, float, int]]:
    """Yield the normalisations whose statistics have followed some batches, their momentum, and how many."""
    seen: set[int] = set()
    for op in snapshot.recordings()[0].ops:
        norm = module_of(op) if op.name == "batch_norm" else None
        if not isinstance(norm, Norm) or id(norm) in seen or norm.num_batches_tracked is None:
            continue
        seen.add(id(norm))
        if norm.momentum is not None and int(norm.num_batches_tracked):
            yield norm, float(norm.momentum), int(norm.num_batches_tracked)
