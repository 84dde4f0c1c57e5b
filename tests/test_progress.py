"""The progress of a consultation: one estimate of the time left, and each proved fix at once."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from descend.core.deadline import Deadline
from descend.doctor.commands import remaining_time
from descend.doctor.commands.progress_display import HINT, ProgressDisplay
from descend.doctor.commands.remaining_time import BaselineProgress, TrialsProgress
from descend.doctor.record import Ending, Fact, Record, facts
from descend.doctor.script.plan import Plan
from descend.doctor.trials.trial import Trial

PLAN = Plan(jobs=1, seeds=5)
PATCH = "--- train.py\n+++ train.py\n@@ -1,1 +1,1 @@\n-lr = 0.5\n+lr = 0.03\n"
FIX = Trial(
    ("learning_rate",), "learning rate 0.5 → 0.03", "instability", "proved", "loss", 2.3, 0.05, (0.04, 0.06),
    (-2.3, -2.2), (1, 2, 3, 4, 5), patch=PATCH, quantity="loss",
)  # fmt: skip


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(remaining_time, "time", clock)
    return clock


def observed(clock: Clock, trials_length: int) -> tuple[BaselineProgress, Record]:
    """Return the progress of a run that has made 100 of 300 steps in ten seconds."""
    progress, record = BaselineProgress(trials_length, Deadline()), Record()
    window = facts.Window(steps=300, seconds=60.0, least_steps=300, quick_s=5.0, patience=600.0)
    progress.update(record, [Fact.of(window, 0), Fact.of(facts.ScriptStarted(), 0)])
    record.readings["loss", "0"] = ([0, 1], [1.0, 1.0])
    progress.update(record, [])
    clock.now += 10
    record.readings["loss", "0"] = (list(range(101)), [1.0] * 101)
    progress.update(record, [])
    return progress, record


def trial_runs(progress: TrialsProgress, seeds: list[int]) -> list[Record]:
    records = [Record(role="trial_run", seed=seed) for seed in seeds]
    for record in records:
        progress.update(record, [])
    return records


def run_all(progress: TrialsProgress, records: list[Record], clock: Clock) -> None:
    for record in records:
        progress.update(record, [])
        clock.now += 2
        progress.update(record, [Ending("window", 0, 300)])


def seconds_left(message: str) -> float:
    return float(message.split("about ")[1].split(" s left")[0])


def test_an_ended_script_has_no_time_left(clock):
    progress, record = observed(clock, 0)
    assert "left" in progress.message
    progress.update(record, [Fact.of(facts.ScriptEnded(), 100)])
    assert "left" not in progress.message and "measurements" in progress.message


def test_the_estimate_of_the_observed_run_contains_the_trials(clock):
    alone, whole = observed(clock, 0)[0].message, observed(clock, 12)[0].message
    assert "with trials" in whole and "trials" not in alone
    assert "20 s left" in alone and "6 min 20 s left" in whole  # 20 s, and 12 trials of 30 s


def test_the_estimate_does_not_start_again_with_the_runs_on_fresh_seeds(clock):
    progress = TrialsProgress(jobs=1, seeds=5, deadline=Deadline())
    screened = trial_runs(progress, [0] * 3)
    progress.baseline_s = 2.0
    left = [seconds_left(progress.message)]
    run_all(progress, screened[:2], clock)
    left.append(seconds_left(progress.message))
    run_all(progress, screened[2:], clock)
    fresh = trial_runs(progress, [1, 2, 3, 4, 5] * 2)
    left.append(seconds_left(progress.message))
    run_all(progress, fresh[:9], clock)
    left.append(seconds_left(progress.message))
    assert left == [28, 24, 22, 4]


def test_the_estimate_contains_the_runs_that_follow_a_round(clock):
    progress = TrialsProgress(jobs=1, seeds=5, deadline=Deadline())
    progress.plan_runs(2, 6)
    progress.baseline_s = 2.0
    run_all(progress, trial_runs(progress, [0] * 3)[:2], clock)  # one run more than planned
    assert progress.message.startswith("2 of 9 runs done") and seconds_left(progress.message) == 14
    progress.plan_runs(6)
    assert progress.total == 9


def test_no_estimate_exceeds_the_budget(clock):
    progress = TrialsProgress(jobs=1, seeds=5, deadline=Deadline.after(7.0, clock.monotonic))
    trial_runs(progress, [0] * 3)
    progress.baseline_s = 2.0
    assert seconds_left(progress.message) == 7
    clock.now += 4
    assert seconds_left(progress.message) == 3


def shown_fix(fix: Trial) -> str:
    out = io.StringIO()
    with ProgressDisplay(Console(file=out, width=100, color_system=None), PLAN) as display:
        display.show_fix(fix)
    return out.getvalue()


def test_only_a_proved_fix_is_printed_as_proved():
    assert "proved" in shown_fix(FIX)
    partly = shown_fix(replace(FIX, verdict="partly_fixes"))
    assert partly.startswith("partly fixes ") and "proved" not in partly and "+lr = 0.03" in partly


def test_a_withdrawn_fix_is_printed_with_the_reason():
    text = shown_fix(replace(FIX, verdict="not_proved", reason="it removes the lower bound"))
    assert text.startswith("withdrawn ") and "it removes the lower bound" in text and "lr = 0.03" not in text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_proved_fix_is_printed_with_its_lines(terminal):
    out = io.StringIO()
    with ProgressDisplay(Console(file=out, force_terminal=terminal, width=100, color_system=None), PLAN) as display:
        display.show_fix(FIX)
        display._draw_bars() if terminal else display._print_line()
    text = out.getvalue()
    assert "learning rate 0.5 → 0.03: loss 2.3 → 0.05 on 5 seeds" in text
    assert "-lr = 0.5" in text and "+lr = 0.03" in text and HINT in text


def test_a_later_observed_run_counts_as_a_trial():
    display = ProgressDisplay(Console(file=io.StringIO()), PLAN)
    first, later = Record(role="baseline"), Record(role="baseline", parent=1)
    window = [Fact.of(facts.Window(300, 60.0, 300, 5.0, 600.0), 0)]
    display.show(first, window)
    first.ending = Ending("finished", 0, 10)
    display.show(first, [first.ending])
    display.show(later, window)
    display.show(later, [])
    assert display._baseline.is_over and display._trials.announced == 1
    later.ending = replace(first.ending)
    display.show(later, [later.ending])
    display.show(later, window)  # facts from the source arrive after the end of a run
    assert display._trials.announced == display._trials.done == 1
