"""Outliers: a few extreme targets make most of the squared error."""

from descend.doctor.course.progress import HARDLY_LEARNT, is_stuck
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Huber 1964: squared errors let one gross error outweigh all others"
FAR = Bound(
    50.0, "median absolute deviations from the median", "chosen: of a normal law no value in 10¹⁰ lies beyond 10"
)
APART = Bound(
    3.0, "times as far as the next one", "chosen: a law with a heavy tail, as that of a product, has no such gap"
)
SPREAD = Bound(
    5.0,
    "times the standard deviation of a normal law as wide as the bulk",
    "chosen: the few then make up nearly all of it",
)
NORMAL = 1.4826  # standard deviation of a normal law over its median absolute deviation


def outliers(record: Record) -> Sign | None:
    """Real targets that lie absurdly far from the bulk, under a squared error."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or given.function != "mse_loss" or not targets.deviation > 0:
        return None
    columns = [size for size in given.target_shape[1:] if size > 1]  # each may have a scale of its own
    middle, deviation, std = targets.median, targets.deviation, targets.std
    if columns or middle is None or std is None:
        return None
    far = max(targets.max - middle, middle - targets.min) / deviation
    spread = std / (NORMAL * deviation)
    if not far < float("inf") or far < FAR or spread < SPREAD or targets.gap < APART:
        return None
    if not is_stuck(record, "0", HARDLY_LEARNT):
        return None
    return Sign(
        certain=True,
        sentence=f"a target lies {far:.0f} median absolute deviations from the median (bound {FAR:g}): all "
        f"have a standard deviation of {std:.3g}, the bulk has one of {NORMAL * deviation:.3g}, so a few "
        "such examples outweigh the others in a squared error",
        quantity="largest deviation / median absolute deviation",
        value=far,
        bound=FAR,
        source=SOURCE,
        where=record.site("loss"),
    )
