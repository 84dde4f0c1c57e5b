"""An interrupted run of the clinic resumes where it stopped."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))

import run
from consult import Outcome, without_effect
from table import page


@pytest.fixture
def kept(tmp_path):
    """Yield the results of an earlier run: three variants of this draw, and one of another draw."""
    sick = ("no_step",)
    rows = [(9, "a", "tuning", sick, "no_step"), (9, "b", "kept_out", sick, ""), (9, "a", "tuning", (), "")]
    rows.append((8, "a", "tuning", sick, "bad_data"))
    lines = [{"drawn": d, **Outcome(n, h, faults, True, False, first).row()} for d, n, h, faults, first in rows]
    (tmp_path / "page.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "page.jsonl"


def test_finished_consultations_of_this_draw_are_known(kept):
    known = run.outcomes_in(kept, 9)
    sick = ("no_step",)
    assert set(known) == {("a", "tuning", sick), ("b", "kept_out", sick), ("a", "tuning", ())}
    assert known["a", "tuning", sick].first == "no_step" and not known["a", "tuning", ()].first
    assert run.outcomes_in(kept.with_name("none.jsonl"), 9) == {}


def test_only_missing_consultations_are_run(kept, monkeypatch):
    asked = []

    def consult(patient, half, drawn):
        asked.append((patient.name, half))
        return Outcome(patient.name, half, patient.faults, True, False)

    first, second = run.patients("sick")[:2]
    names = [first.name, second.name]
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    for row in rows:
        patient = {"a": first, "b": second}[row["name"]]
        row |= {"name": patient.name, "faults": patient.faults if row["faults"] else ()}
    kept.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(run, "_consult", consult)
    monkeypatch.setattr(
        sys, "argv", ["run.py", "--only", *names, "--drawn", "9", "--resume", "--out", str(kept.with_suffix(".md"))]
    )
    run.main()
    assert sorted(asked) == sorted([(names[1], "tuning"), (names[0], "kept_out")])
    page = kept.with_suffix(".md").read_text()
    assert page.count(f"| {names[0]} |") == page.count(f"| {names[1]} |") == 2
    assert len(kept.read_text().splitlines()) == 6


def test_edits_without_effect_that_are_reported_as_tried_are_counted():
    trials = [{"changed_the_run": changed} for changed in (False, True, True, None)]
    assert without_effect(trials) == 1
    assert "| edits without effect reported as tried | 3 |" in page([outcome(3), outcome(0)], 0, "a machine")


def outcome(count: int) -> Outcome:
    return Outcome("a", "tuning", ("no_step",), True, False, "no_step", without_effect=count, trials=5)
