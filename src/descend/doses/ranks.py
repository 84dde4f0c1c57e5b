"""How much of what is done about a slow process: by the measured times of each."""

from statistics import fmean

from descend.doses.rate import Dose
from descend.record import Record
from descend.symptoms import Symptom
from descend.symptoms.stragglers import BY_SPEED, LOCAL, LOCAL_STEPS, WORTH, foretold, own_seconds


def by_speed(record: Record, symptom: Symptom) -> Dose | None:
    """How many times as quick as the slowest each process is, where shares by that are foretold to be worth it."""
    if not _is_worth(record, BY_SPEED):
        return None
    rows = {int(rank): record.series("own_seconds", rank).values for rank in own_seconds(record)}
    slowest = max(fmean(values) for values in rows.values())
    speeds = [round(slowest / fmean(rows[rank]), 1) for rank in sorted(rows)]
    return {"speeds": speeds, "shown": ", ".join(f"{speed:g}" for speed in speeds)}


def between_averages(record: Record, symptom: Symptom) -> Dose | None:
    """So many local steps, where they are foretold to be worth it: they even out what is slow now and then."""
    return {"period": LOCAL_STEPS} if _is_worth(record, LOCAL) else None


def _is_worth(record: Record, remedy: str) -> bool:
    steps = [value for rank in own_seconds(record) for value in record.series("step_seconds", rank).values]
    return bool(steps) and foretold(record, fmean(steps))[remedy] >= WORTH
