"""Find out whether two runs of the unchanged script with the same seed are identical, and if not, why not."""

from descend.doctor.record import Fact, Record, facts
from descend.doctor.trials.effect import is_same_run

OTHER_EXAMPLES = (
    "two runs with the same seed train on different examples, so something draws random numbers from another source "
    "than the seeds that the script sets"
)
OTHER_LOSSES = (
    "two runs with the same seed and the same first examples have different losses from step {} on, so an operation is "
    "not deterministic or depends on the time"
)
OTHER_END = "two runs with the same seed have the same losses but end with different weights or logged values"


def repeatability_message(run: Record, again: Record) -> str:
    """Return why two runs of one script with the same seed differ; "" if they are bit-for-bit identical."""
    if is_same_run(again, run):
        return ""
    first, second = (record.fact(facts.Monitor) for record in (run, again))
    if first is not None and second is not None and first.content != second.content:
        return OTHER_EXAMPLES
    for place in run.places("loss"):
        one, other = dict(run.series("loss", place)), dict(again.series("loss", place))
        different = [step for step in sorted(one.keys() & other.keys()) if repr(one[step]) != repr(other[step])]
        if different:
            return OTHER_LOSSES.format(different[0])
    return OTHER_END


def note_repeatability(run: Record, again: Record) -> str:
    """Return why two runs with the same seed differ, and store in the first one that its examples vary between runs."""
    message = repeatability_message(run, again)
    if message == OTHER_EXAMPLES:
        run.add(Fact.of(facts.DiffersBetweenRuns(), 0))
    return message
