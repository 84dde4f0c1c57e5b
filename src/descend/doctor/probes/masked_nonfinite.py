"""Data that are not finite and that the loss leaves out, but not its gradient: 0 · NaN is NaN.

errors = (prediction - target) ** 2                      # NaN where the target is missing
loss = torch.where(target.isnan(), 0, errors).mean()     # finite; its gradient is not
"""

from math import isfinite

from torch import Tensor

from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import is_finite


def masked_nonfinite(snapshot: Snapshot) -> Measurement:
    """Yield the fact `bad_data` of a first step whose loss is finite, and whose gradient and data are not."""
    gradients = [g for g in snapshot.gradients if g is not None]
    if snapshot.step > 0 or all(is_finite(g) for g in gradients) or not isfinite(snapshot.trained[0].loss):
        return
    recording = snapshot.recordings()[0]
    behind = recording.behind(recording.root)
    data = [*recording.data.items(), *((slot, tensor) for slot, (tensor, _) in recording.watched.items())]
    for slot, tensor in data:
        if slot in behind and (found := not_finite_values(tensor, "data", left_out=True)) is not None:
            yield Fact.of(found, snapshot.step)
            return


def not_finite_values(data: Tensor, where: str, *, left_out: bool = False) -> facts.BadData | None:
    """Return how many values are NaN or infinite, and in how many of the examples; None where all are finite."""
    if not data.is_floating_point() or is_finite(data):
        return None
    wrong = ~data.isfinite()
    rows = wrong.reshape(len(wrong), -1).any(1) if wrong.ndim else wrong.reshape(1)
    values, nan = int(wrong.sum()), int(data.isnan().sum())
    return facts.BadData(where, values, nan, int(rows.sum()), rows.numel(), left_out)
