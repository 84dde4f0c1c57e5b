"""Runs that can be judged only in part: optimizers oppose each other, or some steps were not observed."""

from descend.doctor.assess.opponents import has_opponents
from descend.doctor.assess.stages import consecutive_optimizers, unobserved_steps
from descend.doctor.record import Record
from descend.doctor.report.formatting import count, number, steps_taken


def is_partial(record: Record) -> bool:
    """Return whether a part of the run could not be judged, so that a problem in it would not be found."""
    return has_opponents(record) or unobserved_steps(record) > 0


def judged_part_message(record: Record, steps: str) -> str:
    """Complete the sentence "no problem found in …" for a run of which only a part was judged."""
    if has_opponents(record):
        return (
            f"the {steps}, but each of the alternating optimizers changes the losses of the others, so "
            "descend cannot judge how well each of them trains"
        )
    missing_count = unobserved_steps(record)
    observed_steps = count(observed_step_count(record), "step")
    return f"the first {observed_steps}, but the {count(missing_count, 'step')} of a later optimizer were not observed"


def observed_step_count(record: Record) -> int:
    """Return the number of observed steps. If optimizers run one after the other, it is the sum of their steps."""
    each = consecutive_optimizers(record)
    return sum(each.values()) - unobserved_steps(record) if each else record.steps


def observed_steps_message(record: Record) -> str:
    """Return the number of steps of a run as text, with the number of those that were counted but not observed."""
    each, missing_count = consecutive_optimizers(record), unobserved_steps(record)
    if not each:
        return steps_taken(record)
    phrase = f", of which {number(missing_count)} were counted but not observed," if missing_count else ""
    return count(sum(each.values()), "step") + phrase
