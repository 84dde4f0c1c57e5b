"""Slow progress: the steps are far shorter than the curvature allows."""

from statistics import median

from descend.doctor.course.objective import cost_curve
from descend.doctor.course.progress import cost_left, first_rise, loss_left_message
from descend.doctor.course.stability import ADAPTIVE, curvature_name, is_of, momentum_of, stability_bound, step_lengths
from descend.doctor.course.yardstick import yardstick_place
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, Recap: slow progress shows as a slow, linear training curve; increase α, momentum"
SHORT = Bound(0.12, "of the stability bound", "chosen: half of it is fastest along the steepest direction")
SHORTER = Bound(0.05, "of the stability bound", "chosen lower where the run was cut off: it would have gone on")
STILL = Bound(
    1e-4,
    "relative change of the weights in a step",
    "chosen: a tenth of the usual 1e-3 (Karpathy, CS231n, Ratio of weights:updates)",
)
NEAR = Bound(
    0.1, "of the weights' own size, in all steps", "chosen: what so little of a change could learn was known before"
)
LEFT = Bound(0.4, "of what the best constant prediction costs", "chosen: more is much")
MUCH_LEFT = Bound(
    0.5, "of what the best constant prediction costs", "chosen higher where the run was cut off: it would have gone on"
)
STRAIGHT = Bound(
    0.1,
    "of the fall over the first half, in the second one",
    "chosen: a line falls by as much again; a loss that may have come to its least value falls no more",
)


def slow_progress(record: Record) -> Sign | None:
    """Report steps that are short for the curvature or the weights, in a run with much left to learn."""
    if _may_be_at_its_least(record):
        return None
    for key in record.every(facts.Optimizer):
        least, short = (LEFT, SHORT) if _is_over(record) else (MUCH_LEFT, SHORTER)
        if not cost_left(record) > least or first_rise(record, key) is not None:
            continue
        found = _short(record, key, short) or _still(record, key) or _near(record, key)
        if found is not None:
            value, bound, quantity, sentence, likely = found
            return Sign(
                certain=False,
                likely=likely,
                sentence=f"{sentence}; after {record.steps} steps {loss_left_message(record)}",
                quantity=quantity,
                value=value,
                bound=bound,
                source=SOURCE,
                where=record.site("optimizer", key) or record.site("backward"),
                optimizer=key,
                evidence=(("loss", key), ("learning_rate", key)),
            )
    return None


def _may_be_at_its_least(record: Record) -> bool:
    """Whether a loss whose least value is unknown has stopped falling: the script's own, as a likelihood of counts."""
    if yardstick_place(record) != "loss":
        return False
    curve = cost_curve(record).finite()
    middle = curve.at(record.steps // 2)
    return middle - curve.last < STRAIGHT * (curve.first - middle)


def _is_over(record: Record) -> bool:
    return record.ending is not None and record.ending.reason == "finished"


def _short(record: Record, key: str, short: float) -> tuple[float, float, str, str, bool] | None:
    optimizer = record.fact(facts.Optimizer, key)
    bound, name = stability_bound(optimizer), curvature_name(record, key)
    if bound is None or name != "curvature":
        return None
    values = step_lengths(record, key, name).finite().values
    momentum = momentum_of(optimizer)
    largest = max(values, default=float("nan")) / (1 - momentum if momentum < 1 else 1.0)
    if not largest < short * bound.value:
        return None
    sentence = f"learning rate × largest curvature is at most {largest:.2g} (stability limit: {bound.value:.3g})"
    return largest, short * bound.value, "lr * lambda_max", sentence, True


def _still(record: Record, key: str) -> tuple[float, float, str, str, bool] | None:
    ratio = _update_ratio(record)
    if not ratio < STILL:
        return None
    sentence = f"a step changes the weights by {ratio:.1e} of their norm (usual: 1e-3)"
    return ratio, STILL, "update_ratio", sentence, True


def _near(record: Record, key: str) -> tuple[float, float, str, str, bool] | None:
    """An adaptive rule's steps are about its rate, whatever the gradient: in a few of them it cannot get far."""
    reach = _update_ratio(record) * record.steps
    if not is_of(record, key, ADAPTIVE) or not _is_over(record) or not reach < NEAR:
        return None
    sentence = f"all {record.steps} steps together change the weights by at most {reach:.2g} of their norm"
    return reach, NEAR, "update_ratio * steps", sentence, False


def _update_ratio(record: Record) -> float:
    places = record.places("update_ratio")
    ratios = [v for place in places for v in record.series("update_ratio", place).finite().values]
    return median(ratios) if ratios else float("nan")
