"""The table of measured values: a row for each value that says something about the change."""

from dataclasses import replace
from math import inf, nan

import pytest

from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.prove.result import ChangeResult, ComparedRun, ProveResult
from descend.doctor.record import Record
from descend.doctor.report.change_verdict import change_message, measured_rows

RUN = ComparedRun(run=1, seed=0, value=0.5, cost=0.5, steps=60, step_s=0.01, memory=None)
RESULT = ProveResult(Record(run=1, seed=0), ComparedMetric("held_out", "held-out loss", "Held-out loss"))


def rows_of(verdict: ChangeVerdict, **changed: object) -> dict[str, tuple[str, ...]]:
    """Return the rows on a change with two pairs of runs by their names."""
    after = replace(RUN, **changed)
    change = ChangeResult("lr", "", verdict, before=(RUN, replace(RUN, step_s=0.02)), after=(after, after))
    return {row[0]: row[1:] for row in measured_rows(change, RESULT)}


def test_different_numbers_of_steps_are_shown_since_they_take_different_times():
    assert rows_of(ChangeVerdict.HELPS, steps=120)["steps"] == ("60", "120", "")
    assert "steps" not in rows_of(ChangeVerdict.HELPS)


@pytest.mark.parametrize(
    ("verdict", "value", "text"),
    [
        (ChangeVerdict.NOT_COMPARABLE, nan, "unknown"),
        (ChangeVerdict.FAILS, nan, "unknown"),
        (ChangeVerdict.HARMS, inf, "not finite"),
    ],
)
def test_a_metric_that_is_not_logged_is_unknown_and_not_infinite(verdict, value, text):
    assert rows_of(verdict, value=value)["held-out loss"][1] == text


def test_identical_runs_have_no_interval_of_the_time_per_step():
    assert rows_of(ChangeVerdict.NO_EFFECT)["time per step"][2] == ""
    assert "times" in rows_of(ChangeVerdict.HELPS)["time per step"][2]


def test_the_label_of_a_command_line_option_is_whole():
    label = "epochs 3 → 6 in train.py:5 (default of a command-line option)"
    assert label in change_message(ChangeResult(label, "", ChangeVerdict.HELPS), RESULT)


@pytest.mark.parametrize(("pairs", "text"), [(0, ": no pair of runs could"), (1, ": only 1 pair of runs could")])
def test_too_few_pairs_are_counted(pairs, text):
    change = ChangeResult("lr", "", ChangeVerdict.UNDECIDED, before=(RUN,) * pairs, after=(RUN,) * pairs)
    assert text in change_message(change, RESULT)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ((0.5, 0.5), (0.5, inf), "lr harms: held-out loss is not finite with 1 of 2 seeds"),
        ((inf, nan), (0.5, 0.5), "lr helps: without it, held-out loss is not finite with 2 of 2 seeds"),
    ],
)
def test_a_difference_to_diverged_runs_has_no_size(before, after, sentence):
    verdict = ChangeVerdict.HARMS if inf in after else ChangeVerdict.HELPS
    first, second = (tuple(replace(RUN, cost=cost) for cost in costs) for costs in (before, after))
    change = ChangeResult("lr", "", verdict, difference=(0.1, 9.0), before=first, after=second)
    assert change_message(change, RESULT) == sentence
