"""Records made by hand: a healthy run, and what to change in it."""

from math import exp
from typing import Any

from descend.record import Ending, Fact, Reading, Record, Site

STEPS = 200


def healthy(**optimizer: Any) -> Record:
    """A run whose cost falls from 2.3 to almost nothing under a stable step."""
    record = Record()
    rule = {"class": "SGD", "lr": 0.1, "momentum": 0.0, **optimizer}
    record.add(Fact("optimizer", "0", 0, rule))
    record.add(Site("optimizer", "0", "/home/user/train.py", 10, 12, 10, 60, "optimizer", detail="SGD"))
    record.add(Fact("targets", "", 0, {"dtype": "int64", "count": 256, "entropy": 2.3}))
    for step in range(STEPS):
        record.add(Reading("loss", "0", step, 2.3 * exp(-step / 40)))
        record.add(Reading("learning_rate", "0", step, rule["lr"]))
    for step in range(0, STEPS, 10):
        record.add(Reading("monitored_loss", "", step, 2.3 * exp(-step / 40)))
        record.add(Reading("yardstick", "negative_log_likelihood", step, 2.3 * exp(-step / 40)))
        record.add(Reading("curvature", "0", step, 5.0))
        record.add(Reading("curvature_standardised", "0", step, 5.0))
        record.add(Reading("dead_share", "1", step, 0.2))
        record.add(Reading("twin_share", "0.weight", step, 0.0))
    for step in range(6):
        record.add(Fact("wiring", "0", step, {"gradients_cleared": True, "unheld": [], "evaluation_mode": []}))
    inputs = {"features": 4, "largest_rms": 1.0, "mean": [0.0] * 4, "std": [1.0] * 4}
    record.add(Fact("inputs", "", 0, inputs))
    record.add(Reading("input_condition_number", "", 0, 20.0))
    record.add(Reading("input_condition_number_standardised", "", 0, 20.0))
    record.add(Fact("loss_input", "", 0, {"function": "cross_entropy", "classes": 10, "activation": None, "min": -3.0}))
    record.add(Ending("finished", 0, STEPS, 3.0, 1.0, 0.2))
    return record


def set_series(record: Record, name: str, place: str, values: list[float] | float) -> None:
    """Give a series other values at the steps that it has; one value stands for all."""
    steps, old = record.readings[name, place]
    new = [values] * len(steps) if isinstance(values, int | float) else values
    record.readings[name, place] = (steps[: len(new)], list(new))


def set_fact(record: Record, name: str, place: str = "", **detail: Any) -> None:
    """Change fields of every observation of a fact."""
    known = record.facts[name, place]
    record.facts[name, place] = [Fact(f.name, f.place, f.step, {**f.detail, **detail}) for f in known]


def stuck(record: Record) -> None:
    """Let the cost stay at a constant prediction's."""
    set_series(record, "loss", "0", 2.3)
    set_series(record, "yardstick", "negative_log_likelihood", 2.3)


def exploding(record: Record) -> None:
    """Let the cost rise from the first steps on, to infinity."""
    steps = len(record.series("loss", "0"))
    set_series(record, "loss", "0", [2.3 * 1.3**i for i in range(steps - 1)] + [float("nan")])
    set_series(record, "yardstick", "negative_log_likelihood", float("nan"))
