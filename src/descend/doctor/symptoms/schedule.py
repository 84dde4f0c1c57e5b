"""Schedule: the learning rate is brought down, or not brought up, long before the training is over."""

from math import log

from descend.doctor.course.progress import HARDLY_LEARNT, LEFT_TO_LEARN, cost_left, loss_left_message
from descend.doctor.course.stability import rate_of
from descend.doctor.course.training_time import progress_before, training_time
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound

SOURCE = "Ba, CSC413 lecture 4, SGD Learning Rate: lowering it makes the loss drop, at the expense of the long run"
TINY = Bound(0.02, "of the largest rate", "chosen: a step so short moves nothing in the time that is left")
MOST = Bound(0.4, "of the run's steps", "chosen: a schedule that ends with the run is near zero at its end alone")
LOST = Bound(4.0, "times smaller cost, had the earlier progress gone on", "chosen: progress slows down by itself")


def schedule(record: Record) -> Sign | None:
    """A rate below a fiftieth of its largest for most of the run, while most of the cost is left.

    Where less is left it counts if the cost was still falling when the rate was brought down: see `_ends_a_fall`.
    """
    for key in record.places("learning_rate"):
        rates = record.series("learning_rate", key)
        largest = max(rates.max, rate_of(record.fact(facts.Optimizer, key)))
        if record.steps < 2 or not cost_left(record) > LEFT_TO_LEARN:
            continue
        low = [step for step in range(record.steps) if rates.at(step) < TINY * largest]
        if len(low) < MOST * record.steps or not largest > 0:
            continue
        at = low[0]
        ends_a_fall = _ends_a_fall(record, key, at)
        if not cost_left(record) > HARDLY_LEARNT and not ends_a_fall:
            continue
        schedulers = record.every(facts.Scheduler).values()
        calls = sum(scheduler.steps for scheduler in schedulers)
        what = "stays" if len(low) == record.steps else f"is from step {at} on"
        sentence = (
            f"the learning rate {what} below {TINY:.0%} of {largest:.3g}, in {len(low)} of {record.steps} steps; "
            f"{loss_left_message(record)}; {f'the loss was still falling at step {at}; ' if ends_a_fall else ''}"
        )
        sentence += f"the scheduler was stepped {calls} times" if schedulers else "no scheduler of torch's sets it"
        return Sign(
            certain=False,
            likely=True,
            sentence=sentence,
            quantity="learning rate / its largest",
            value=rates.last / largest if largest else 0.0,
            bound=TINY,
            source=SOURCE,
            where=record.site("scheduler_step") or record.site("scheduler") or record.site("optimizer", key),
            optimizer=key,
            evidence=(("loss", key), ("learning_rate", key)),
        )
    return None


def _ends_a_fall(record: Record, key: str, at: int) -> bool:
    """Whether the learning rate came down at step `at` in the middle of a fall of the cost.

    The fall of log(loss) per unit of training time before that step predicts what the later steps would have reached
    at the earlier learning rate, and what they can reach at their own.
    """
    rest, progress = record.steps - at, progress_before(record, key, at)
    at_earlier_rate = rest * training_time(record, key, at - 1, at)
    return progress * at_earlier_rate > log(LOST) > progress * training_time(record, key, at, record.steps)
