"""Results of comparisons that are made by hand, for the tests of the reports."""

from dataclasses import replace
from math import exp, inf, nan

from descend.doctor.assess.logged_metric import LoggedMetric
from descend.doctor.assess.symptom import Symptom
from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.result import (
    CompareResult,
    CompareVerdict,
    RankedChoice,
    StepsToTarget,
    TriedValues,
    TunedChoice,
    WorkingRange,
)
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ChangeResult, ComparedRun
from descend.doctor.record import Ending, Fact, Record, Series, Site, facts

STEPS, SEEDS = 200, range(1, 6)
PATCH = "--- train.py\n+++ train.py\n@@ -1 +1 @@\n-optimizer = SGD(lr=0.1)\n+optimizer = AdamW(lr=0.003)\n"
METRIC = ComparedMetric(
    "metric",
    "test accuracy",
    "'test accuracy', as logged by the script",
    LoggedMetric("test accuracy", "share", rises=True),
)


def baseline_of(ending: str = "finished", status: int = 0, error: str = "") -> Record:
    record = Record(run=7, script="train.py", root="/project")
    record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=10, lr=0.1, momentum=0.9), 0, "0"))
    record.add(Ending(ending, status, STEPS, error=error))
    return record


def run_of(seed: int, value: float, speed: float = 1.0) -> ComparedRun:
    """Return a run whose accuracy rises to a value. speed: a choice with speed 2 needs half of the steps."""
    steps = tuple(range(0, STEPS + 1, 10))
    curve = Series(steps, tuple(0.1 + (value - 0.1) * (1 - exp(-speed * step / 40)) for step in steps))
    loss = Series(tuple(range(STEPS)), tuple(exp(-speed * step / 40) for step in range(STEPS)))
    return ComparedRun(100 + seed, seed, value, 1 - value, STEPS, 0.01, 400_000_000, curve, loss)


OWN_RUNS = tuple(run_of(seed, 0.9 + 0.01 * (seed % 2)) for seed in SEEDS)
TRIED = tuple(
    TriedValues({"lr": lr}, cost, 1 - cost, STEPS, run)
    for run, (lr, cost) in enumerate([(1e-4, 0.3), (1e-3, 0.06), (3e-3, 0.04), (0.01, 0.05), (1.0, inf)], 20)
)
STOPPED = TriedValues({"lr": 0.03}, inf, 0.75, 50, 25, is_stopped_early=True)


def choice_of(label: str, *, keeps_optimizer: bool = False, needs: str = "") -> Choice:
    rate = Dimension("lr", 1e-5, 1.0)
    return Choice(label, lambda script, values: script, (rate,), keeps_optimizer=keeps_optimizer, needs=needs)


def ranked(
    label: str, value: float, difference: tuple[float, float], lr: float, *, speed: float = 1.0, **choice
) -> RankedChoice:
    best = TriedValues({"lr": lr}, 1 - value, value, STEPS)
    tuned = TunedChoice(choice_of(label, **choice), (best, *TRIED, STOPPED), best)
    after = tuple(run_of(run.seed, value, speed) for run in OWN_RUNS)
    verdict = ChangeVerdict.HELPS if difference[1] < 0 else ChangeVerdict.UNDECIDED
    change = ChangeResult(label, PATCH, verdict, difference=difference, before=OWN_RUNS, after=after)
    target = StepsToTarget((0.4,) * 5, 0, (0.3, 0.5), step_s=0.02)
    return RankedChoice(tuned, change, target, WorkingRange(0.001, 0.01, 1.0, (2.0, 0.5, 0.1, 0.0)))


ADAMW = replace(ranked("AdamW", 0.96, (-0.6, -0.4), 0.003, speed=2.0), against_tuned=(-0.3, -0.1), ties=("Lion",))
SGD = ranked("SGD", 0.95, (-0.5, -0.3), 0.03, speed=1.5, keeps_optimizer=True)
LION = ranked("Lion", 0.92, (-0.3, 0.2), 3e-4, needs="descend.optim")
REFUSED = RankedChoice(TunedChoice(choice_of("RAdam"), reason="the optimizer is created in a library"), None)
FAILED = replace(LION, result=ChangeResult("Lion", "", ChangeVerdict.FAILS, "the changed script fails: KeyError"))
UNCHANGED = replace(
    SGD, result=ChangeResult("SGD", "", ChangeVerdict.NO_EFFECT, "its best values are the current ones")
)

SWITCH = CompareResult(
    baseline_of(),
    METRIC,
    (ADAMW, SGD, LION, REFUSED),
    CompareVerdict.SWITCH,
    ADAMW,
    margin=0.1,
    tuning_steps=8 * STEPS,
    runs=64,
    total_s=125.0,
    step_s=0.01,
)
TUNE = replace(SWITCH, ranked=(SGD, LION, REFUSED), verdict=CompareVerdict.TUNE, winner=SGD)
KEEP = replace(SWITCH, ranked=(LION, UNCHANGED), verdict=CompareVerdict.KEEP, winner=None)
UNDECIDED = replace(SWITCH, ranked=(LION, SGD, REFUSED), verdict=CompareVerdict.UNDECIDED, winner=None, more_seeds=7)
FAULT = Symptom(
    True, "Gradients of earlier steps are added.", "steps", 3.0, 0.0, "source", id="no_zero_grad", kind="wiring",
    where=Site("step", "0", "/project/train.py", 12, 0, 12, 5, "optimizer.step()"),
)  # fmt: skip
FAULTY = replace(
    SWITCH, ranked=(), metric=None, verdict=CompareVerdict.NOT_COMPARED, winner=None, faults=(FAULT,), runs=1
)
SCRIPT_FAILED = CompareResult(baseline_of("failed", 1, "ValueError: no data\n"), None)
RESULTS = {
    "switch": SWITCH,
    "tune": TUNE,
    "keep": KEEP,
    "undecided": UNDECIDED,
    "faulty": FAULTY,
    "failed": SCRIPT_FAILED,
    "without_tuned_optimizer": replace(SWITCH, ranked=(ADAMW, FAILED)),
    "nothing_tried": replace(UNDECIDED, ranked=(REFUSED,), verdict=CompareVerdict.NOT_COMPARED, more_seeds=None),
    "interrupted": replace(UNDECIDED, ranked=(), interruption=130, verdict=CompareVerdict.NOT_COMPARED),
    "unknown_numbers": replace(
        SWITCH, ranked=(replace(ADAMW, target=None, working=None, against_tuned=(nan, nan)), SGD), step_s=nan
    ),
}
