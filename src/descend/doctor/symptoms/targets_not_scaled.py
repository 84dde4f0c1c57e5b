"""Targets not scaled: the output must first grow to the targets' size, and the gradients are as large as the errors."""

from descend.doctor.course.progress import HARDLY_LEARNT, is_stuck, stuck_in_words
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "LeCun et al. 1998, §4.5: targets within the range of the output units; Bishop 1995, §8.2"
LARGE = Bound(10.0, "root mean square of the targets", "chosen: an order of magnitude above that of standardised ones")
SMALL = Bound(0.1, "root mean square of the targets", "chosen: an order of magnitude below that of standardised ones")


def targets_not_scaled(record: Record) -> Sign | None:
    """Report real targets far from unit scale, in a run that hardly learns."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or given.task != "real":
        return None
    size, mean, std = targets.largest_rms, targets.mean, targets.std
    if size is None or mean is None or std is None or not std > 0:
        return None
    if SMALL <= size <= LARGE or not is_stuck(record, "0", HARDLY_LEARNT):
        return None
    return Sign(
        certain=False,
        likely=True,
        sentence=f"the targets have mean {mean:.3g} and standard deviation {std:.3g}. Their root mean square is "
        f"{size:.3g}; a freshly initialised output layer reaches {SMALL:g} to {LARGE:g}; "
        f"{stuck_in_words(record, '0', HARDLY_LEARNT)}",
        quantity="root mean square of the targets",
        value=size,
        bound=LARGE if size > LARGE else SMALL,
        source=SOURCE,
        where=record.site("loss"),
        evidence=(("loss", "0"), ("yardstick", "squared_error")),
    )
