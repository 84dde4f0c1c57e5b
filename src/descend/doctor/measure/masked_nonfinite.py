"""Non-finite data that are masked out of the loss but not out of its gradient, since 0 · NaN is NaN.

errors = (prediction - target) ** 2                      # NaN where the target is missing
loss = torch.where(target.isnan(), 0, errors).mean()     # finite, but its gradient is NaN
"""

from math import isfinite

from torch import Tensor

from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import is_finite


def masked_nonfinite(snapshot: Snapshot) -> Measurement:
    """Yield the fact `bad_data` if the first loss is finite, but its gradient and the data are not."""
    gradients = [g for g in snapshot.gradients if g is not None]
    if snapshot.step > 0 or all(is_finite(g) for g in gradients) or not isfinite(snapshot.trained[0].loss):
        return
    recording = snapshot.recordings()[0]
    behind = recording.upstream_slots(recording.root)
    data = [*recording.data.items(), *((slot, tensor) for slot, (tensor, _) in recording.watched.items())]
    for slot, tensor in data:
        if slot in behind and (found := not_finite_values(tensor, "data", left_out=True)) is not None:
            yield Fact.of(found, snapshot.step)
            return


def not_finite_values(data: Tensor, where: str, *, left_out: bool = False) -> facts.BadData | None:
    """Return how many values of `data` are NaN or infinite, and in how many examples; None if all are finite."""
    if not data.is_floating_point() or is_finite(data):
        return None
    wrong = ~data.isfinite()
    rows = wrong.reshape(len(wrong), -1).any(1) if wrong.ndim else wrong.reshape(1)
    values, nan = int(wrong.sum()), int(data.isnan().sum())
    return facts.BadData(where, values, nan, int(rows.sum()), rows.numel(), left_out)
