"""Whether the outputs correlate with the targets on examples that the training has not seen before.

If outputs and targets are independent, their covariance has mean zero, whatever the network has memorised. So a
covariance on new examples shows that the targets depend on the inputs.
"""

from math import sqrt

import torch
from torch import Tensor, nn

from descend.doctor.measure.inputs import network_input
from descend.doctor.measure.messages import MANY, UNLIKE, no_loss_call_message, unmatched_message
from descend.doctor.measure.snapshot import Forward, Measurement, Snapshot, Unavailable, forward, no_grad_float
from descend.doctor.record import Fact, facts

LEAST = 4  # smallest number of examples in a batch for this measurement


def target_covariance(snapshot: Snapshot) -> Measurement:
    """Yield the covariance of outputs and targets on later batches, in standard errors, as the fact `answers`.

    `again` counts the examples that were seen before, which the network may have memorised.
    """
    if snapshot.recording is None or not snapshot.monitor:
        return
    known = snapshot.memory.setdefault("answered", {"rows": set(), "scores": [], "examples": 0, "again": 0})
    if not known["rows"]:
        for seen in snapshot.trained:
            known["rows"].update(_example_hashes(network_input(seen.recording), _outputs_and_targets(seen)[1]))
        return
    recording = snapshot.recording
    z, t = _outputs_and_targets(forward(recording, evaluation=False))
    rows = _example_hashes(network_input(recording), t)
    known["again"] += sum(row in known["rows"] for row in rows)
    known["examples"] += len(rows)
    known["rows"].update(rows)
    known["scores"].append(score(z, t))
    errors = sum(known["scores"]) / sqrt(len(known["scores"]))  # Stouffer's method for independent scores
    yield Fact.of(facts.OutputTargetCovariance(known["examples"], known["again"], errors), snapshot.step)


def score(z: Tensor, t: Tensor) -> float:
    """Return the covariance of outputs and targets ``(examples, features)`` in units of its standard error."""
    each = ((z - z.mean(0)) * (t - t.mean(0))).sum(1)
    length = float(each.norm())
    return float(each.sum()) / length if length > 0 else 0.0


def _outputs_and_targets(found: Forward) -> tuple[Tensor, Tensor]:
    """Return outputs and targets as two matrices of equal shape, with one-hot classes. Raises `Unavailable`."""
    pair = found.pair
    if pair is None:
        raise Unavailable(no_loss_call_message(found.recording))
    z = no_grad_float(pair[0]).reshape(len(pair[0]), -1) if pair[0].ndim else pair[0].reshape(1, 1)
    t = pair[1].reshape(len(pair[1]), -1) if pair[1].ndim else pair[1].reshape(1, 1)
    classes = z.shape[1]
    is_classes = not t.is_floating_point()
    if is_classes and t.shape[1] == 1 < classes and 0 <= int(t.min()) <= int(t.max()) < classes:
        t = nn.functional.one_hot(t[:, 0].long(), classes)
    if z.shape != t.shape:
        raise Unavailable(MANY if is_classes and t.shape[1] > 1 else UNLIKE)
    if len(t) < LEAST:
        raise Unavailable(f"a batch holds fewer than {LEAST} examples")
    if not z.isfinite().all():
        raise Unavailable("some outputs are infinite or NaN")
    return z.double(), t.double()


def _example_hashes(x: Tensor, t: Tensor) -> list[int]:
    """Return a hash for each example and its target, to recognise repeated examples. Raises `Unavailable`."""
    if len(x) != len(t):
        raise Unavailable(unmatched_message("targets"))
    joined = torch.cat([x.reshape(len(x), -1).double(), t.to(x.device)], 1).cpu()
    return [hash(row.numpy().tobytes()) for row in joined]
