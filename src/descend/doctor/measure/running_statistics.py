"""Whether the running statistics of a normalisation layer follow the batch statistics; evaluation uses the former.

running = (1 − momentum) · running + momentum · batch       (Ioffe & Szegedy 2015, alg. 2; torch.nn.BatchNorm1d)
"""

from collections.abc import Iterator

from torch import nn

from descend.doctor.measure.loss_call import module_of
from descend.doctor.measure.monitored_loss import metric_readings
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, Reading, SiteKind, facts

Norm = nn.modules.batchnorm._BatchNorm


def running_statistics(snapshot: Snapshot) -> Measurement:
    """Yield a fact for each momentum of the normalisation layers, and the evaluation metric with batch statistics."""
    norms: dict[float, list[tuple[Norm, int]]] = {}
    for norm, momentum, updates in _layers_with_running_statistics(snapshot):
        norms.setdefault(momentum, []).append((norm, updates))
    for i, (momentum, found) in enumerate(norms.items()):
        updates = min(updates for _, updates in found)
        first, remaining = snapshot.modules(found[0][0]), (1 - momentum) ** updates
        yield Fact.of(facts.RunningStatistics(momentum, updates, remaining, first), snapshot.step, str(i))
        for norm, _ in found:
            snapshot.note_site(
                SiteKind.RUNNING_STATISTICS, snapshot.modules(norm), snapshot.made_at(norm), type(norm).__name__
            )
    if norms:
        readings = (
            r for r in metric_readings(snapshot.trained, snapshot.step) if isinstance(r, Reading) and r.name == "metric"
        )
        yield from (r._replace(name="metric_in_training_mode") for r in readings)


def _layers_with_running_statistics(snapshot: Snapshot) -> Iterator[tuple[Norm, float, int]]:
    """Yield each normalisation layer with running statistics, its momentum and its number of updates."""
    seen: set[int] = set()
    for op in snapshot.recordings()[0].ops:
        norm = module_of(op) if op.name == "batch_norm" else None
        if not isinstance(norm, Norm) or id(norm) in seen or norm.num_batches_tracked is None:
            continue
        seen.add(id(norm))
        if norm.momentum is not None and int(norm.num_batches_tracked):
            yield norm, float(norm.momentum), int(norm.num_batches_tracked)
