"""Momentum and learning rate do not match: μ was raised and α kept, so the steps are 1/(1−μ) times longer."""

from descend.doctor.course.progress import HARDLY_LEARNT, first_rise, is_stuck, rebounds
from descend.doctor.course.stability import momentum_of, step_lengths
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Momentum: the terminal velocity is α/(1−μ)"
HIGH = Bound(0.95, "momentum", "chosen: the usual 0.9 lengthens a step ten times, this one twenty")
LONG = Bound(2.0, "α·λmax/(1−μ)", "that of gradient descent at its stability bound")


def momentum_mismatch(record: Record) -> Sign | None:
    """A momentum of 0.95 and more whose terminal velocity the curvature does not bear, while the cost suffers."""
    for key, optimizer in record.every(facts.Optimizer).items():
        momentum = momentum_of(optimizer)
        if not HIGH <= momentum < 1 or optimizer.dampening:
            continue
        lengths = step_lengths(record, key, "curvature").finite().values
        terminal = max(lengths, default=0.0) / (1 - momentum)
        suffers = first_rise(record, key) is not None or rebounds(record) or is_stuck(record, key, HARDLY_LEARNT)
        if not terminal > LONG or not suffers:
            continue
        return Sign(
            certain=False,
            likely=True,
            sentence=f"momentum {momentum:g} lengthens every step {1 / (1 - momentum):.0f} times: α·λmax/(1−μ) = "
            f"{terminal:.3g}, and the cost overshoots; a higher momentum needs a lower rate",
            quantity="lr * lambda_max / (1 - momentum)",
            value=terminal,
            bound=LONG,
            source=SOURCE,
            where=record.site("optimizer", key),
            optimizer=key,
            evidence=(("loss", key), ("curvature", key)),
        )
    return None
