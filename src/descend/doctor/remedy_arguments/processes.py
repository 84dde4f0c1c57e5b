"""Arguments of remedies against slow processes in distributed training, from each process's step times."""

from statistics import fmean

from descend.doctor.assess.process_times import (
    ASYNCHRONOUS,
    BACKUP,
    BY_SPEED,
    LOCAL,
    LOCAL_STEPS,
    WORTH,
    predicted_speedups,
    unsynchronised_seconds,
    work_seconds,
)
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record
from descend.doctor.remedy_arguments.values import Values


def shares_by_speed(record: Record, symptom: Symptom) -> Values | None:
    """Return the relative speeds of the processes, for a division of the batch; None if this saves too little time."""
    if not _is_worth_a_trial(record, BY_SPEED):
        return None
    rows = {int(rank): values for rank, values in work_seconds(record).items()}
    slowest = max(fmean(values) for values in rows.values())
    speeds = [round(slowest / fmean(rows[rank]), 1) for rank in sorted(rows)]
    return {"speeds": speeds, "shown": ", ".join(f"{speed:g}" for speed in speeds)}


def steps_between_averages(record: Record, symptom: Symptom) -> Values | None:
    """Return the number of local steps between two averages of the weights; None if this saves too little time.

    Local steps even out delays that occur now and then.
    """
    return {"period": LOCAL_STEPS} if _is_worth_a_trial(record, LOCAL) else None


def all_gradients_but_one(record: Record, symptom: Symptom) -> Values | None:
    """Return the number of processes that a step waits for: all but one. None if this saves too little time.

    `smaller` is the first process's present number of examples per step, divided by the new number.
    """
    if not _is_worth_a_trial(record, BACKUP):
        return None
    seconds = unsynchronised_seconds(record, _mean_step_seconds(record))
    wanted = len(seconds) - 1
    step, first = sorted(seconds.values())[wanted - 1], seconds[min(seconds, key=int)]
    smaller = round(len(seconds) / wanted * step / max(step, first), 2)
    return {"wanted": wanted, "of": len(seconds), "smaller": smaller}


def asynchronous_steps(record: Record, symptom: Symptom) -> Values | None:
    """Return the ratio of the examples per step now to those with asynchronous steps; None if little time is saved."""
    if not _is_worth_a_trial(record, ASYNCHRONOUS):
        return None
    seconds = unsynchronised_seconds(record, _mean_step_seconds(record))
    speeds = {int(rank): 1 / each for rank, each in seconds.items()}
    return {"smaller": round(len(speeds) * speeds[min(speeds)] / sum(speeds.values()), 2)}


def _is_worth_a_trial(record: Record, remedy: str) -> bool:
    """Return whether the predicted speed-up of a fix for slow processes is large enough for a trial."""
    step = _mean_step_seconds(record)
    return step > 0 and predicted_speedups(record, step)[remedy] >= WORTH


def _mean_step_seconds(record: Record) -> float:
    """Return the mean duration of a training step over all processes, in seconds; 0 without any measurement."""
    steps = [value for rank in work_seconds(record) for value in record.series("step_seconds", rank).values]
    return fmean(steps) if steps else 0.0
