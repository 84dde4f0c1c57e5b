"""How much of what is done about a slow process: by the measured times of each."""

from statistics import fmean

from descend.doctor.doses.rate import Dose
from descend.doctor.record import Record
from descend.doctor.symptoms import Symptom
from descend.doctor.symptoms.stragglers import (
    ASYNCHRONOUS,
    BACKUP,
    BY_SPEED,
    LOCAL,
    LOCAL_STEPS,
    WORTH,
    alone,
    foretold,
    own_times,
)


def by_speed(record: Record, symptom: Symptom) -> Dose | None:
    """How many times as quick as the slowest each process is, where shares by that are foretold to be worth it."""
    if not _is_worth(record, BY_SPEED):
        return None
    rows = {int(rank): values for rank, values in own_times(record).items()}
    slowest = max(fmean(values) for values in rows.values())
    speeds = [round(slowest / fmean(rows[rank]), 1) for rank in sorted(rows)]
    return {"speeds": speeds, "shown": ", ".join(f"{speed:g}" for speed in speeds)}


def between_averages(record: Record, symptom: Symptom) -> Dose | None:
    """So many local steps, where they are foretold to be worth it: they even out what is slow now and then."""
    return {"period": LOCAL_STEPS} if _is_worth(record, LOCAL) else None


def without_the_last(record: Record, symptom: Symptom) -> Dose | None:
    """Steps of the gradients of all processes but one, where they are foretold to be worth it.

    `smaller`: the examples of the group that a step of its first process stands for, now over then.
    """
    if not _is_worth(record, BACKUP):
        return None
    seconds = alone(record, _step(record))
    wanted = len(seconds) - 1
    step, first = sorted(seconds.values())[wanted - 1], seconds[min(seconds, key=int)]
    smaller = round(len(seconds) / wanted * step / max(step, first), 2)
    return {"wanted": wanted, "of": len(seconds), "smaller": smaller}


def as_they_come(record: Record, symptom: Symptom) -> Dose | None:
    """Nothing to choose, where not to wait is foretold to be worth it. `smaller` is as of `without_the_last`."""
    if not _is_worth(record, ASYNCHRONOUS):
        return None
    seconds = alone(record, _step(record))
    speeds = {int(rank): 1 / each for rank, each in seconds.items()}
    return {"smaller": round(len(speeds) * speeds[min(speeds)] / sum(speeds.values()), 2)}


def _is_worth(record: Record, remedy: str) -> bool:
    step = _step(record)
    return step > 0 and foretold(record, step)[remedy] >= WORTH


def _step(record: Record) -> float:
    steps = [value for rank in own_times(record) for value in record.series("step_seconds", rank).values]
    return fmean(steps) if steps else 0.0
