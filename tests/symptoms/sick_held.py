"""Runs whose modules hold other numbers than their user believes: weights never loaded, statistics that lag."""

from dataclasses import replace
from typing import Any

from records import add_fact, add_site, falling_to, healthy, probe, set_cost

from descend.record import Record


def weights_not_loaded(prefix: str | None = "module.", extra: bool = True, missing: int = 4, step: int = 0) -> Record:
    record = healthy()
    detail: dict[str, Any] = {"missing": missing, "of": 4, "first": "fc.weight", "unexpected": "head.weight"}
    renaming = {} if prefix is None else {"prefix": prefix, "is_extra": extra, "names": missing}
    add_fact(record, "left_unloaded", "0", step, **detail, **renaming)
    add_site(record, "load_state_dict", "0", 13)
    return record


def lagging_statistics(
    momentum: float = 0.001, remaining: float = 0.9, worse: float = 10.0, left: float = 0.8, reason: str = "finished"
) -> Record:
    record = healthy()
    set_cost(record, falling_to(left))
    record.ending = replace(record.ending, reason=reason)
    trained = [value / worse for value in record.series("yardstick", "negative_log_likelihood").values]
    probe(record, "yardstick_in_training", "negative_log_likelihood", trained)
    add_fact(record, "running_statistics", "0", momentum=0.1, updates=100, remaining=2.7e-5, layer="0")
    add_fact(record, "running_statistics", "1", momentum=momentum, updates=100, remaining=remaining, layer="1")
    add_site(record, "running_statistics", "1", 14)
    return record


HELD = {weights_not_loaded: "weights_not_loaded", lagging_statistics: "lagging_statistics"}
