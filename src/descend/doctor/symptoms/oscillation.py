"""Oscillation: the steps are so long that they jump from one side of the valley to the other."""

from descend.doctor.course.progress import cost_left, first_rise
from descend.doctor.course.stability import stability_bound, step_lengths
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Ill-conditioned curvature: where 1 < α·λ ≤ 2 the error along λ oscillates"
LEFT = Bound(
    0.01, "of what the best constant prediction costs", "chosen: where less is left half the rate has nothing to gain"
)
NEAR = Bound(
    0.85,
    "of the stability bound",
    "chosen: from there on an error of gradient descent changes sign in each step and keeps 0.7 of its size or more",
)


def oscillation(record: Record) -> Sign | None:
    """Gradient descent just below its stability bound for most of the run, with cost left; half the rate has to win."""
    for key, optimizer in record.every(facts.Optimizer).items():
        bound = stability_bound(optimizer)
        lengths = step_lengths(record, key, "curvature").finite().values
        if optimizer.rule != "SGD" or bound is None or len(lengths) < 2 or first_rise(record, key) is not None:
            continue
        near = [value for value in lengths if NEAR * bound.value <= value <= bound.value]
        if len(near) < len(lengths) / 2 or not cost_left(record) > LEFT:
            continue
        return Sign(
            certain=False,
            sentence=f"α·λmax = {near[-1]:.3g}, just below the bound of {bound.value:.3g}: along the steepest "
            "direction each step leaps to the other side of the valley",
            quantity="lr * lambda_max",
            value=near[-1],
            bound=NEAR * bound.value,
            source=SOURCE,
            where=record.site("optimizer", key),
            optimizer=key,
            evidence=(("loss", key), ("curvature", key)),
        )
    return None
