"""The clinic goes on where it was broken off."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))

import run
from consult import Outcome


@pytest.fixture
def kept(tmp_path):
    """What an earlier run has left: two variants of this draw, one of another."""
    rows = [(9, "a", "tuning", "no_step"), (9, "b", "kept_out", ""), (8, "a", "tuning", "bad_data")]
    lines = [{"drawn": d, **Outcome(n, h, ("no_step",), True, False, first).row()} for d, n, h, first in rows]
    (tmp_path / "page.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "page.jsonl"


def test_what_was_consulted_on_in_this_draw_is_known(kept):
    known = run.outcomes_in(kept, 9)
    assert set(known) == {("a", "tuning"), ("b", "kept_out")} and known["a", "tuning"].first == "no_step"
    assert run.outcomes_in(kept.with_name("none.jsonl"), 9) == {}


def test_only_what_is_missing_is_consulted_on(kept, monkeypatch):
    asked = []

    def consult(patient, half, drawn, control):
        asked.append((patient.name, half))
        return Outcome(patient.name, half, patient.faults, True, False)

    names = sorted(patient.name for patient in run.patients("sick"))[:2]
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    kept.write_text(
        "".join(json.dumps(row | {"name": dict(a=names[0], b=names[1])[row["name"]]}) + "\n" for row in rows)
    )
    monkeypatch.setattr(run, "_consult", consult)
    monkeypatch.setattr(
        sys, "argv", ["run.py", "--only", *names, "--drawn", "9", "--resume", "--out", str(kept.with_suffix(".md"))]
    )
    run.main()
    assert sorted(asked) == sorted([(names[1], "tuning"), (names[0], "kept_out")])
    page = kept.with_suffix(".md").read_text()
    assert page.count(f"| {names[0]} |") == page.count(f"| {names[1]} |") == 2
    assert len(kept.read_text().splitlines()) == 5
