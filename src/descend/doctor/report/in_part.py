"""What a run shows in part only: losses that opponents change for each other, steps that were not looked at."""

from descend.doctor.course.opponents import has_opponents
from descend.doctor.course.stages import one_by_one, unseen_steps
from descend.doctor.record import Record
from descend.doctor.report.wording import count, number, steps_taken


def is_partial(record: Record) -> bool:
    """Tell whether having found nothing wrong says little of how well some of it trains."""
    return has_opponents(record) or unseen_steps(record) > 0


def in_part(record: Record, steps: str) -> str:
    """Return in what nothing wrong was found, of those `steps`, and what was not judged or not looked at."""
    if has_opponents(record):
        return (
            f"the {steps}, but the optimizers step in turn, each on a loss that the others' steps change, too, so "
            "how well any of them trains could not be judged"
        )
    unseen = unseen_steps(record)
    seen = count(steps_seen(record), "step")
    return f"the first {seen}, but the {count(unseen, 'step')} that another optimizer takes later were not looked at"


def steps_seen(record: Record) -> int:
    """Return how many steps were read: of optimizers that step one after the other, those of all together."""
    each = one_by_one(record)
    return sum(each.values()) - unseen_steps(record) if each else record.steps


def steps_watched(record: Record) -> str:
    """Return how many steps are watched: of optimizers that step one after the other, those of all together."""
    each, unseen = one_by_one(record), unseen_steps(record)
    if not each:
        return steps_taken(record)
    return count(sum(each.values()), "step") + (f", {number(unseen)} of them counted only," if unseen else "")
