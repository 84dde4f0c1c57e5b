"""Run a script with several batch sizes, and compare steps and seconds to the same training loss.

The steps come from an observed run. The time of a step comes from a second, unobserved run, because observing takes
many times as long as a step of a small network.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, inf, isfinite, nan
from statistics import fmean, median
from typing import TYPE_CHECKING

from descend.core.bound import Bound, Count
from descend.core.errors import UsageError
from descend.doctor.commands.single_run import run_once
from descend.doctor.script.run_names import EndReason

if TYPE_CHECKING:
    from descend.doctor.record import Ending, Record
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import Script
    from descend.landscape.batch_sizes import Run

MOST_STEPS, MOST_SECONDS = 5000, 20.0  # limits of each run whose losses are recorded, in steps and seconds
SEEDS = 2
AVERAGED_EXAMPLES = 512  # number of latest examples over which the training loss is averaged
LONGEST_SIZE = 12  # maximum number of digits of a batch size
MOST_SHOWN = 100  # maximum number of characters of an invalid option value that an error message shows
LEAST_GAIN = 0.1  # share of the initial loss; a run whose loss falls by less does not determine the target
FEWEST_STEPS = 3  # a run needs at least this many steps to be included in the comparison
TIMED_STEPS = Count(
    300,
    "steps",
    "chosen: after the warm-up, 240 durations remain; the standard error of their median is about a tenth of their "
    "standard deviation",
)
TIMED_S = 10.0  # limit of each timed run, in seconds
WARM_UP = Bound(
    0.2, "share of a timed run's steps", "chosen: the first steps are slow, so they are ignored, as in timed trials"
)


@dataclass(frozen=True)
class SizedRun:
    """A run of the script with one batch size: the running means of its training loss, and its median time per step."""

    size: int
    losses: Sequence[float]
    step_seconds: float  # median seconds per step; NaN if no step could be timed
    kept_bytes: float = nan  # bytes that the forward pass stores for the backward pass; NaN if not known

    @property
    def lowest_mean_loss(self) -> float:
        """Return the lowest running mean of the training loss; infinity if no mean is finite."""
        return min(filter(isfinite, self.losses), default=inf)

    def steps_to_target(self, target: float) -> float:
        """Return the number of steps until the mean loss was at most `target`; infinity if it was always higher."""
        return next((float(step) for step, loss in enumerate(self.losses, 1) if loss <= target), inf)


def read_batch_sizes(text: str) -> list[int]:
    """Return the batch sizes in a text such as `1,8,64`. Raise `UsageError` unless there are 3 different sizes."""
    sizes = [int(size) for size in text.split(",") if size.strip().isdecimal() and len(size) <= LONGEST_SIZE]
    if len(sizes) != text.count(",") + 1 or 0 in sizes or len({*sizes}) < 3:
        raise UsageError(f"--batches must be at least 3 batch sizes, such as 8,64,512, not {text[:MOST_SHOWN]!r}")
    return sorted({*sizes})


def run_with_batch_sizes(
    script: "Script", record: "Record", sizes: Sequence[int]
) -> "tuple[list[SizedRun], Ending | None]":
    """Run the script with each batch size. Return the complete runs, and the ending of an interrupted one or None.

    The runs of the sizes alternate, so that other load on the machine slows all of them equally. Raise `UsageError` if
    the batch size of the script cannot be changed.
    """
    changed, found = {size: _with_batch_size(script, record, size) for size in sizes}, list[SizedRun]()
    for seed in range(SEEDS):
        for size in sizes:
            done = run_once(changed[size], _observed_plan(seed), partial(_progress_message, size))
            if _is_interrupted(done):
                return found, done.ending
            if done.steps < FEWEST_STEPS or not done.ending:
                continue
            timed = run_once(changed[size], _timed_plan(seed), partial(_progress_message, size))
            if _is_interrupted(timed):
                return found, timed.ending
            found.append(_summarise_run(done, size, step_seconds(timed)))
    return found, None


def step_seconds(timed: "Record") -> float:
    """Return the median time in seconds of the steps after the warm-up; NaN if no step was timed."""
    times = timed.series("step_seconds", "0").values
    return median(times[int(WARM_UP * len(times)) :]) if times else nan


def _with_batch_size(script: "Script", record: "Record", size: int) -> "Script":
    """Return a copy of the script with the batch size `size`. Raise `UsageError` if its size cannot be changed."""
    from descend.doctor.codemod.not_applicable import NotApplicable
    from descend.doctor.record import facts
    from descend.doctor.remedies.batch_size import BatchSizeArguments, batch_size

    noise = next(iter(record.every(facts.GradientNoise).values()))
    arguments = BatchSizeArguments(size, loader=noise.loader or "0")
    try:
        return script if size == noise.batch_size else batch_size(script, record, arguments)
    except NotApplicable as refused:
        raise UsageError(f"the batch size of the script cannot be changed: {refused.reason}") from refused


def _observed_plan(seed: int) -> "Plan":
    """Return the settings of a run that records the loss of every step, and the memory use of the first step."""
    from descend.doctor.script.plan import Plan

    asked = {"what": "memory", "at": [0], "last": False, "followed": 0, "evaluation": False}
    return replace(Plan(role="show", jobs=1, asked=asked).with_fixed_steps(MOST_STEPS), seconds=MOST_SECONDS, seed=seed)


def _timed_plan(seed: int) -> "Plan":
    """Return the settings of a run without measurements, in which steps are only counted and timed."""
    from descend.doctor.script.plan import Plan

    plan = Plan(role="bare", jobs=1, asked={"what": "step_seconds"}).with_fixed_steps(TIMED_STEPS)
    return replace(plan, seconds=TIMED_S, seed=seed)


def _is_interrupted(record: "Record") -> bool:
    """Return whether the run ended because the user interrupted it."""
    return record.ending is not None and record.ending.reason == EndReason.INTERRUPTED


def runs_to_target(runs: Sequence[SizedRun], start: float, target: float | None = None) -> "tuple[float, list[Run]]":
    """Return the target loss, and for each run the number of steps and seconds until it reached this loss.

    The default target is the lowest mean loss that every run reaches, without the runs whose loss does not fall from
    `start`. Raise `UsageError` if no run's loss falls.
    """
    from descend.landscape.batch_sizes import Run

    if target is None:
        lowest_losses = [run.lowest_mean_loss for run in runs if run.lowest_mean_loss < start - LEAST_GAIN * abs(start)]
        if not lowest_losses:
            raise UsageError(f"the training loss does not fall from {start:.4g} with any of the batch sizes")
        target = max(lowest_losses)
    steps = [(run, run.steps_to_target(target)) for run in runs]
    return target, [Run(r.size, 0.0, n, n * r.step_seconds, r.step_seconds, r.kept_bytes) for r, n in steps]


def _progress_message(size: int, record: "Record") -> str:
    """Return a text that shows the progress of a run: its batch size and the current step."""
    return f"batches of {size}, step {record.steps}"


def _summarise_run(record: "Record", size: int, seconds: float) -> SizedRun:
    """Return the running means of the loss, and the step time and memory, of a run with batch size `size`.

    Before `AVERAGED_EXAMPLES` examples have been used, the mean is infinite.
    """
    from descend.doctor.record import facts

    values = record.series("loss", "0").values
    window = ceil(AVERAGED_EXAMPLES / size)
    running = [fmean(values[max(0, k - window) : k]) for k in range(1, len(values) + 1)]
    means = [inf if k < min(window, len(values)) else value for k, value in enumerate(running, 1)]
    memory = record.fact(facts.SavedBytes, "first")
    return SizedRun(size, means, seconds, memory.bytes if memory and memory.examples == size else nan)
