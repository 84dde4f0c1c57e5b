"""Check the options of a consultation, and make the plan from them: for the command, the function and the magic."""

import os
from collections.abc import Iterable, Mapping, Sequence
from inspect import signature
from math import inf, isnan
from numbers import Integral, Real
from typing import Any

from descend.doctor.commands.options import (
    BUDGET_LIMITS,
    MOST_PROCESSES,
    MOST_SEED,
    MOST_STEPS,
    parse_budget,
)
from descend.doctor.script.plan import Plan, cores

# The smallest and largest values of the options, as on the command line.
LIMITS: dict[str, tuple[float, float]] = {
    "steps": (1, MOST_STEPS),
    "seconds": (0.001, 10_000_000.0),
    "seeds": (2, 1000),
    "seed": (0, MOST_SEED),
    "jobs": (1, MOST_PROCESSES),
    "processes": (1, MOST_PROCESSES),
    "trials": (0, 10_000),
    "budget": BUDGET_LIMITS,
}


def make_plan(  # noqa: PLR0913 - each argument is an option of the command
    *,
    quick: bool = False,
    budget: str | float | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    seeds: int = Plan.seeds,
    seed: int = Plan.seed,
    jobs: int | None = None,
    processes: int | None = None,
    trials: int = Plan.trials,
    suggest: bool = False,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    allow_effects: bool = False,
    sandbox: str = "auto",
) -> Plan:
    """Return the plan for these options. Raises `TypeError`, `ValueError` or `UsageError` for a wrong option."""
    from descend.doctor.catalog.diagnosis import check_ids
    from descend.doctor.sandbox.confinement import choose_level
    from descend.doctor.sandbox.world import local_group_size

    for name, flag in (("quick", quick), ("suggest", suggest), ("allow_effects", allow_effects)):
        check_flag(name, flag)
    steps = None if steps is None else int(_read_number("steps", steps))
    seconds = None if seconds is None else _read_number("seconds", seconds)
    wanted, unwanted = read_texts("select", select, "no_zero_grad"), read_texts("ignore", ignore, "no_zero_grad")
    check_ids([*wanted, *unwanted])
    choose_level(sandbox)
    return Plan(
        steps=Plan.steps if steps is None else steps,
        least_steps=Plan.least_steps if steps is None else steps,
        seconds=Plan.seconds if seconds is None else seconds,
        patience=Plan.patience if seconds is None else seconds,
        seeds=int(_read_number("seeds", seeds)),
        trials=int(_read_number("trials", trials)),
        quick=quick,
        budget_s=inf if budget is None else _read_budget(budget),
        suggest=suggest,
        seed=int(_read_number("seed", seed)),
        jobs=cores() if jobs is None else int(_read_number("jobs", jobs)),
        allow_effects=allow_effects,
        sandbox=sandbox,
        processes=(
            local_group_size(os.environ, cores()) if processes is None else int(_read_number("processes", processes))
        ),
        select=wanted,
        ignore=unwanted,
    )


def plan_from(options: Mapping[str, Any]) -> Plan:
    """Return the plan for the options of a command, by the names of its parameters.

    Options that are no arguments of `make_plan`, such as `--format`, are not part of the plan.
    """
    names = signature(make_plan).parameters
    return make_plan(**{name: value for name, value in options.items() if name in names and value is not None})


def check_flag(name: str, value: Any) -> None:
    """Raise `TypeError` if an option is not a truth value. A text such as "no" would count as true."""
    if not isinstance(value, bool):
        raise TypeError(f"run_doctor: {name} must be True or False, not {value!r}")


def read_texts(name: str, values: Iterable[Any], *example: str) -> tuple[str, ...]:
    """Return the values of an option, texts or paths, as texts. Raises `TypeError` for one text or for other values."""
    is_list = isinstance(values, Iterable) and not isinstance(values, str | bytes)
    given = list(values) if is_list else [values]
    texts = [os.fspath(value) if isinstance(value, os.PathLike) else value for value in given]
    if not is_list or not all(isinstance(text, str) for text in texts):
        wrong = given if is_list else values
        raise TypeError(f"run_doctor: {name} must be a list of texts, such as {name}={[*example]}, not {wrong!r}")
    return tuple(map(str, texts))


def read_path(name: str, value: Any, example: str) -> str:
    """Return a path or a text as a text. Raises `TypeError` if the value is neither."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise TypeError(f"run_doctor: {name} must be a path or a text, such as {name}={example!r}, not {value!r}")
    return path


def _read_number(name: str, value: Any) -> float:
    """Return an option as a number of Python, which JSON can represent.

    Raises `TypeError` if it is not a number of its kind, and `ValueError` if it is outside its limits.
    """
    low, high = LIMITS[name]
    is_whole = isinstance(low, int)
    if isinstance(value, bool) or not isinstance(value, Integral if is_whole else Real):
        raise TypeError(f"run_doctor: {name} must be {'a whole number' if is_whole else 'a number'}, not {value!r}")
    number = int(value) if isinstance(value, Integral) and is_whole else float(value)
    if not low <= number <= high:  # also true for NaN
        raise ValueError(f"run_doctor: {name} must be from {low:.12g} to {high:.12g}, not {value!r}")
    return number


def _read_budget(value: Any) -> float:
    """Return the seconds of a budget, which is a number or a text such as "2m".

    Raises `TypeError` if it is neither, and `ValueError` if it is no time or outside its limits.
    """
    expected = "seconds, or a text such as '90s', '2m' or '1h'"
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"run_doctor: budget must be a number of {expected}, not {value!r}")
        return _read_number("budget", value)
    if isnan(seconds := parse_budget(value)):
        limits = "from {:.12g} to {:.12g} seconds".format(*LIMITS["budget"])
        raise ValueError(f"run_doctor: budget must be a number of {expected}, {limits}, not {value!r}")
    return seconds
