"""Do the outputs answer to the targets of examples that the training sees for the first time?

The covariance of outputs and targets is zero on average where the two are independent, whatever the network is, and no
memory of other examples moves it. So an answer on new examples shows that the targets depend on the inputs.
"""

from math import sqrt

import torch
from torch import Tensor, nn

from descend.doctor.probes.inputs import network_input
from descend.doctor.probes.snapshot import Forward, Measurement, Snapshot, Unavailable, forward, no_grad_float
from descend.doctor.probes.unread import MANY, UNLIKE, unmatched, unread
from descend.doctor.record import Fact, facts

LEAST = 4  # examples of a batch


def answers(snapshot: Snapshot) -> Measurement:
    """Yield the fact `answers`: by how many standard errors outputs and targets of later batches go together.

    `again` counts those of their examples that were seen before, which the network may know by heart.
    """
    if snapshot.recording is None or not snapshot.monitor:
        return
    known = snapshot.memory.setdefault("answered", {"rows": set(), "scores": [], "examples": 0, "again": 0})
    if not known["rows"]:
        for seen in snapshot.trained:
            known["rows"].update(_rows(network_input(seen.recording), _pair(seen)[1]))
        return
    recording = snapshot.recording
    z, t = _pair(forward(recording, evaluation=False))
    rows = _rows(network_input(recording), t)
    known["again"] += sum(row in known["rows"] for row in rows)
    known["examples"] += len(rows)
    known["rows"].update(rows)
    known["scores"].append(score(z, t))
    errors = sum(known["scores"]) / sqrt(len(known["scores"]))  # Stouffer's sum of independent scores
    yield Fact.of(facts.Answers(known["examples"], known["again"], errors), snapshot.step)


def score(z: Tensor, t: Tensor) -> float:
    """Return the covariance of outputs and targets, (examples, features) each, in its standard errors."""
    each = ((z - z.mean(0)) * (t - t.mean(0))).sum(1)
    length = float(each.norm())
    return float(each.sum()) / length if length > 0 else 0.0


def _pair(found: Forward) -> tuple[Tensor, Tensor]:
    """Return outputs and targets as rows alike, classes one-hot. Raises `Unavailable`."""
    pair = found.pair
    if pair is None:
        raise Unavailable(unread(found.recording))
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
        raise Unavailable("some outputs are infinite or no numbers")
    return z.double(), t.double()


def _rows(x: Tensor, t: Tensor) -> list[int]:
    """Return a fingerprint of each example with its target. Raises `Unavailable`."""
    if len(x) != len(t):
        raise Unavailable(unmatched("targets"))
    joined = torch.cat([x.reshape(len(x), -1).double(), t.to(x.device)], 1).cpu()
    return [hash(row.numpy().tobytes()) for row in joined]
