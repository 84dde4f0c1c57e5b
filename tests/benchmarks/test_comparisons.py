"""The calibration of `descend prove` and `descend compare`: exact intervals, stored cases, and what counts as right."""

from math import isclose, nan
from pathlib import Path

import pytest

from .printed_texts import ROOT
from .programs import programs

shares, prove_clinic, resumable = programs("shares", "prove_clinic", "resumable")
Rows = resumable.Rows
known = __import__("known_changes")

FIX = known.KnownChange("fix", known.CLINIC / "sick" / "xor_gate.py", "wider", "--- a patch", known.HELPS)
MISTAKE = known.KnownChange("planted mistake", known.CLINIC / "healthy" / "manual_sgd.py", "sign", "x", known.HARMS)
EDIT = known.KnownChange("edit without effect", known.CLINIC / "healthy" / "manual_sgd.py", "comment", "y", known.SAME)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0.0, 0.30850), (5, 10, 0.18709, 0.81291), (10, 10, 0.69150, 1.0), (1, 20, 0.00127, 0.24873)],
)
def test_intervals_of_shares_are_those_of_clopper_and_pearson(count, total, low, high):
    found = shares.share_interval(count, total)
    assert all(isclose(a, b, abs_tol=5e-5) for a, b in zip(found, (low, high)))


def test_the_upper_limit_without_any_event_follows_the_rule_of_three():
    assert isclose(shares.upper_limit(0, 100), 1 - 0.05**0.01)
    assert shares.upper_limit(3, 3) == 1.0


@pytest.fixture
def rows(tmp_path):
    """Yield results in which a fix harms, a mistake is undecided and an edit has no effect."""
    rows = Rows("prove", tmp_path)
    for change, verdict, difference in [
        (FIX, "harms", [0.1, 0.3]),
        (MISTAKE, "undecided", [-0.1, 0.3]),
        (EDIT, "no_effect", [None, None]),
    ]:
        row = {"verdict": verdict, "difference": difference, "metric": "loss", "after": [1.0, nan], "reason": ""}
        rows.add({"key": prove_clinic.case_key(change), "of": change.id, **row})
    return rows


def test_wrong_verdicts_come_first_and_undecided_ones_are_no_answers(rows):
    head, _, *lines = prove_clinic.table([EDIT, MISTAKE, FIX], rows)
    counts = {line.split(" | ")[0].strip("| "): [cell[:6] for cell in line.split(" | ")[1:]] for line in lines[:3]}
    assert head == "| change | right | no answer | wrong |"
    assert counts == {
        "fix": ["0 of 1", "0 of 1", "1 of 1"],
        "edit without effect": ["1 of 1", "0 of 1", "0 of 1"],
        "planted mistake": ["0 of 1", "1 of 1", "0 of 1"],
    }
    assert lines[4:] == [
        f"- wrong: {FIX.id}: harms: loss, cost +10 % to +30 % in 2 pairs",
        f"- no answer: {MISTAKE.id}: undecided: loss, cost -10 % to +30 % in 2 pairs",
    ]


@pytest.mark.slow
def test_stored_cases_are_not_measured_again(tmp_path):
    rows = Rows("cases", tmp_path)
    cases = [resumable.Case(name, dict, ([("value", name)],)) for name in "abc"]
    [row] = resumable.measure_missing(rows, cases[:1])
    assert row["key"] == row["value"] == "a" and row["case_s"] >= 0
    again = Rows("cases", tmp_path)
    assert {row["value"] for row in resumable.measure_missing(again, cases)} == {"b", "c"}
    assert set(Rows("cases", tmp_path).known) == set("abc")


@pytest.mark.slow
def test_a_case_that_fails_takes_no_other_results(tmp_path):
    rows = Rows("cases", tmp_path)
    cases = [resumable.Case("failing", int, ("x",)), resumable.Case("a", dict, ([("value", 1)],))]
    with pytest.raises(ValueError, match="invalid literal"):
        list(resumable.measure_missing(rows, cases))
    assert set(Rows("cases", tmp_path).known) == {"a"}


def test_no_case_begins_after_the_time_is_over(tmp_path):
    rows = Rows("cases", tmp_path)
    case = resumable.Case("a", dict, ([("value", 1)],))
    assert resumable._measure_in_time(case, until=0.0) is None
    assert not list(resumable.measure_missing(rows, [case], until=0.0)) and not rows.file.exists()


def test_a_sample_has_equally_many_changes_of_each_kind_in_turn():
    changes = [FIX] * 3 + [EDIT] * 5 + [MISTAKE] * 5
    drawn = prove_clinic.sample_changes(changes, 2, seed=1)
    assert [change.kind for change in drawn] == [*known.KINDS, *known.KINDS]
    assert prove_clinic.sample_changes(changes, None, 0) == changes


@pytest.mark.slow
@pytest.mark.thorough
def test_a_planted_mistake_and_a_fix_get_the_right_verdicts():
    changes = known.known_changes("fix", "planted mistake")
    names = ("sine_tanh_fit", "linear_regression_gd")
    found = [prove_clinic.verdict_on(change) for change in changes if change.program.stem in names]
    assert [row["verdict"] for row in found] == ["helps", "harms"], found


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "small_trainings").glob("*.py")), ids=lambda p: p.stem)
def test_constants_of_a_small_training_can_be_changed(path: Path):
    [comparisons] = programs("small_comparisons")
    text = path.read_text(encoding="utf-8")
    changed = comparisons.with_constants(text, {"LR": 0.5})
    assert "\nLR = 0.5\n" in changed and len(changed.splitlines()) == len(text.splitlines())
    with pytest.raises(AssertionError, match="ABSENT"):
        comparisons.with_constants(text, {"ABSENT": 1})


@pytest.mark.slow
def test_the_search_finds_the_learning_rate_of_a_quadratic():
    [optima] = programs("known_optima")
    choice = optima.constants_choice("gradient descent", [optima.RATES], [{"LR": 0.1}])
    rate = optima.find_best_values(choice, 8, 10, 30).values["LR"]
    assert optima.is_close(rate, optima.best_rate(10), lambda lr: lr), rate
    assert not optima.is_close(0.1, optima.best_rate(10), lambda lr: lr)
    assert optima.best_heavy_ball(1) == (1.0, 0.0)


@pytest.mark.slow
@pytest.mark.thorough
def test_a_copy_of_a_script_is_compared_with_it():
    [null] = programs("null_comparisons")
    row = null.null_comparison("linear regression", 0)
    assert row["seeds"] >= 5 and row["spread"] > 0 and all(row["rates"]), row
    assert row["verdict"] != "switch" or not row["tied"]
