"""An edit that lets the network see its own target lowers the loss, and is no fix."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from descend.core.deadline import Deadline
from descend.doctor.record import Ending, Fact, Record, facts
from descend.doctor.remedies import Change, Prescription
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.spurious_gain import reject_spurious_fix, spurious_gain_message
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Part, Trial

SCRIPT = Script(Path("train.py"), Path("."))


def record(sees: bool) -> Record:
    found = Record()
    found.add(Fact.of(facts.TargetLeak(sees, length=12), 0))
    found.add(Ending("finished", 0, 100))
    return found


def study(edited: Record, baseline: Record) -> Study:
    context = SimpleNamespace(observe=lambda script, plan, parent: edited, deadline=Deadline())
    return Study(SCRIPT, baseline, Plan(), context)


def trial(of_search: bool) -> Trial:
    prescription = Prescription("unreadable", (Change("skip_call", lambda script: script),), "x", of_search=of_search)
    pair = (0.1, 0.1)
    part = Part(prescription, {})
    return Trial(
        ("skip_call",), "x", "unreadable", "proved", "cost", 1.0, 0.1, pair, pair, (1, 2), SCRIPT, parts=(part,)
    )


def test_an_edit_that_opens_a_leak_is_no_fix():
    fix = trial(of_search=True)
    proof = Proof(trials=(fix,), fix=fix, confirmed=frozenset({"unreadable"}))
    after = reject_spurious_fix(proof, study(record(sees=True), record(sees=False)))
    assert after.fix is None and not after.confirmed and after.rejected == {"unreadable"}
    [shown] = after.trials
    assert shown.verdict == "not_proved" and "the network sees its own target" in shown.reason


@pytest.mark.parametrize(
    ("of_search", "after", "before"),
    [
        (True, False, False),  # There is no leak.
        (True, True, True),  # The script itself has the leak.
        (False, True, False),  # A remedy for a known problem is not examined.
    ],
)
def test_other_edits_keep_their_gain(of_search, after, before):
    fix = trial(of_search)
    proof = Proof(trials=(fix,), fix=fix)
    assert reject_spurious_fix(proof, study(record(after), record(before))) is proof


def test_an_interruption_of_the_examination_ends_the_trials():
    edited = replace(record(sees=False), ending=Ending("interrupted", 130, 3))
    with pytest.raises(KeyboardInterrupt):
        spurious_gain_message(trial(of_search=True), study(edited, record(sees=False)))
