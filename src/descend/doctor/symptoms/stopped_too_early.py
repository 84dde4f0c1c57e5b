"""Stopped too early: the run needs more steps and nothing else."""

from descend.doctor.course.own_metric import own_share_left
from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left, ended_smoothly, falls
from descend.doctor.record import Record
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "Ba, CSC413 lecture 4, Training Curves: they cannot guarantee that a run has converged"
LEFT = Bound(
    0.2, "of what the best constant prediction costs", "chosen: where less is left a longer run is not worth it"
)
STILL_FALLING = Bound(
    0.2, "of the cost, over the last half of the run", "chosen: a cost that falls by a fifth is still on its way"
)
MOST = Bound(0.5, "of what the best constant prediction costs", "chosen: where so much is left a slower fall will do")
SLOWLY = Bound(0.05, "of the cost, over the last half of the run", "chosen: it will do where most of the cost is left")
FEW = Count(200, "steps", "chosen: of fewer a fall in proportion will do")


def stopped_too_early(record: Record) -> Sign | None:
    """The script ended by itself with much of the cost left and still falling steadily.

    Where less than a tenth is missing of its own share, a longer run could only be a little better.
    """
    if not ended_smoothly(record) or own_share_left(record) < LEFT_TO_LEARN:
        return None
    fallen = falls(record)
    bound = SLOWLY * min(1.0, record.steps / FEW) if cost_left(record) > MOST else STILL_FALLING
    if not cost_left(record) > LEFT or fallen < bound:
        return None
    return Sign(
        certain=False,
        likely=fallen >= STILL_FALLING,
        sentence=f"the run ends after {record.steps} steps while the cost still falls ({fallen:.0%} over the last "
        f"half) and {cost_left(record):.0%} of it is left: it is not broken, it is not finished",
        quantity="fall of the cost over the last half",
        value=fallen,
        bound=bound,
        source=SOURCE,
        where=record.site("step", "0"),
    )
