"""A script run again with batches of other sizes: how many steps and how long each takes to the same training loss.

The steps to a loss come from an observed run. The time of a step comes from a second run that nothing observes, because
observing takes many times as long as the step of a small network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf, isfinite, nan
from statistics import fmean, median
from typing import TYPE_CHECKING

from descend.doctor.commands.single_run import run_once
from descend.ground.bound import Bound, Count
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.record import Ending, Record
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import Script
    from descend.landscape.batch_sizes import Run

STEPS, SECONDS = 5000, 20.0  # of each run at most
SEEDS = 2
AVERAGED = 512  # examples: the training loss is that of so many last ones
LONGEST_SIZE = 12  # characters of one size
MOST_SHOWN = 100  # characters of a list that is refused
LEAST_GAIN = 0.1  # of the cost at the start: a run that gains less does not train
WARM = 3  # runs with fewer steps say nothing of a step's time
TIMED = Count(
    300, "steps", "chosen: the median of the 240 after the warm-up varies by about a tenth of one step's spread"
)
TIMED_S = 10.0  # of each timed run at most
WARM_UP = Bound(0.2, "of a timed run's steps", "chosen as for trials that are judged by time: the first steps are slow")


@dataclass(frozen=True)
class SizedRun:
    """One run: the running mean of its training loss after each step, and the median time of a step."""

    size: int
    losses: Sequence[float]
    step_seconds: float  # NaN where no step could be timed
    kept_bytes: float = nan  # for the backward pass; NaN where it is not known

    @property
    def lowest(self) -> float:
        """The lowest of the running means; infinite where none is finite."""
        return min(filter(isfinite, self.losses), default=inf)

    def steps_to(self, target: float) -> float:
        """Return after how many steps the running mean was first at most that; infinite if it never was."""
        return next((float(step) for step, loss in enumerate(self.losses, 1) if loss <= target), inf)


def sizes_of(text: str) -> list[int]:
    """Return the sizes in `1,8,64`. Raises `UsageError` for what are no such numbers, or fewer than 3."""
    sizes = [int(size) for size in text.split(",") if size.strip().isdecimal() and len(size) <= LONGEST_SIZE]
    if len(sizes) != text.count(",") + 1 or 0 in sizes or len({*sizes}) < 3:
        raise UsageError(f"--batches must be at least 3 sizes of batches, such as 8,64,512, not {text[:MOST_SHOWN]!r}")
    return sorted({*sizes})


def sized_runs(script: "Script", record: "Record", sizes: Sequence[int]) -> "tuple[list[SizedRun], Ending | None]":
    """Run the script at each size; return the runs, and how an interruption has ended them.

    The sizes take turns, so that what else the machine does slows all of them. Raises `UsageError` where the script's
    batches cannot be resized.
    """
    changed, found = {size: _resized(script, record, size) for size in sizes}, list[SizedRun]()
    for seed in range(SEEDS):
        for size in sizes:
            done = run_once(changed[size], _observed_plan(seed), partial(_words, size))
            if _is_interrupted(done):
                return found, done.ending
            if done.steps < WARM or not done.ending:
                continue
            timed = run_once(changed[size], _timed_plan(seed), partial(_words, size))
            if _is_interrupted(timed):
                return found, timed.ending
            found.append(_run(done, size, step_seconds(timed)))
    return found, None


def step_seconds(timed: "Record") -> float:
    """Return the median time of a step after the warm-up, in seconds; NaN where no step was timed."""
    times = timed.series("step_seconds", "0").values
    return median(times[int(WARM_UP * len(times)) :]) if times else nan


def _resized(script: "Script", record: "Record", size: int) -> "Script":
    """Return the script with batches of that size. Raises `UsageError` where they cannot be resized."""
    from descend.doctor.record import facts
    from descend.doctor.remedies.batch_size import batch_size
    from descend.doctor.source.not_applicable import NotApplicable

    noise = next(iter(record.every(facts.GradientNoise).values()))
    dose = {"loader": noise.loader or "0", "batch_size": size}
    changed = script if size == noise.batch_size else batch_size(script, record, dose)
    if isinstance(changed, NotApplicable):
        raise UsageError(f"the size of its batches cannot be changed: {changed.reason}")
    return changed


def _observed_plan(seed: int) -> "Plan":
    """Return the plan of a run whose losses, and memory at its first step, are recorded."""
    from descend.doctor.script.plan import Plan

    asked = {"what": "memory", "at": [0], "last": False, "followed": 0, "evaluation": False}
    return replace(Plan(role="show", jobs=1, asked=asked).fixed_at(STEPS), seconds=SECONDS, seed=seed)


def _timed_plan(seed: int) -> "Plan":
    """Return the plan of a run that is not observed: its steps are counted and timed, and nothing else."""
    from descend.doctor.script.plan import Plan

    plan = Plan(role="bare", jobs=1, asked={"what": "step_seconds"}).fixed_at(TIMED)
    return replace(plan, seconds=TIMED_S, seed=seed)


def _is_interrupted(record: "Record") -> bool:
    return record.ending is not None and record.ending.reason == "interrupted"


def compared(runs: Sequence[SizedRun], start: float, target: float | None = None) -> "tuple[float, list[Run]]":
    """Return the target, and each run's steps and seconds to it.

    By default it is the lowest loss that every run reaches that comes down at all from the cost at the `start`. Raises
    `UsageError` where none does.
    """
    from descend.landscape.batch_sizes import Run

    if target is None:
        coming_down = [run.lowest for run in runs if run.lowest < start - LEAST_GAIN * abs(start)]
        if not coming_down:
            raise UsageError(f"with no size of the batch does the training loss come down from {start:.4g}")
        target = max(coming_down)
    taken = [(run, run.steps_to(target)) for run in runs]
    return target, [Run(r.size, 0.0, n, n * r.step_seconds, r.step_seconds, r.kept_bytes) for r, n in taken]


def _words(size: int, record: "Record") -> str:
    return f"batches of {size}, step {record.steps}"


def _run(record: "Record", size: int, seconds: float) -> SizedRun:
    from descend.doctor.record import facts

    values = record.series("loss", "0").values
    window = ceil(AVERAGED / size)
    running = [fmean(values[max(0, k - window) : k]) for k in range(1, len(values) + 1)]
    kept = [inf if k < min(window, len(values)) else value for k, value in enumerate(running, 1)]
    held = record.fact(facts.KeptBytes, "first")
    return SizedRun(size, kept, seconds, held.bytes if held and held.examples == size else nan)
