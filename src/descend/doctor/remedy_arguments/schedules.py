"""Learning-rate schedules, a linear warm-up and a linear decay, and the average of the iterates."""

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Record
from descend.doctor.remedy_arguments.rounding import round_to_one_digit
from descend.doctor.remedy_arguments.values import Values
from descend.doctor.script.run_names import EndReason

WARMUP_SHARE = Bound(
    0.1,
    "share of the run's steps",
    "chosen: this is about twice the share in Goyal et al. 2017 (5 of 90 epochs) and in Vaswani et al. 2017 "
    "(4,000 of 100,000 steps)",
)

AVERAGED_SHARE = Bound(
    0.1, "share of the run's steps", "chosen: long enough to average the noise, short enough to forget the start"
)
FEWEST_AVERAGED = Count(10, "steps", "chosen: the average of fewer iterates has almost the noise of one")


def decay_to_zero(record: Record, symptom: Symptom) -> Values | None:
    """Return a schedule: a linear decay of the learning rate to 0 over the run. None if the run did not finish."""
    if not record.steps or record.ending is None or record.ending.reason != EndReason.FINISHED:
        return None
    return {"steps": record.steps, "start": 1.0, "end": 0.0, "optimizer": symptom.optimizer}


def warm_up(record: Record, symptom: Symptom) -> Values | None:
    """Return a schedule: a linear warm-up of the learning rate in the first tenth of the run.

    None if the loss does not rise in these steps.
    """
    key, losses = symptom.optimizer, record.series("loss", symptom.optimizer)
    rise, steps = summarise(record).first_rise(key), round(WARMUP_SHARE * len(losses))
    if rise is None or steps < 2 or rise - losses.steps[0] > steps:
        return None
    steps = round(round_to_one_digit(steps))
    return {"steps": steps, "start": 1 / steps, "end": 1.0, "optimizer": key}


def average_over_a_tenth(record: Record, symptom: Symptom) -> Values | None:
    """Return the decay of a moving average of the weights over about a tenth of the run; None for a short run."""
    steps = record.steps * AVERAGED_SHARE
    if steps < FEWEST_AVERAGED or record.ending is None or record.ending.reason != EndReason.FINISHED:
        return None
    return {"decay": round(1 - 1 / steps, 4), "steps": round(steps), "optimizer": symptom.optimizer}
