"""An edit that lets the network see its own target, or removes the lower bound of the loss, is no fix."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from descend.core.deadline import Deadline
from descend.doctor import spurious_gain
from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.remedies import Change, Prescription
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.spurious_gain import (
    NOT_CHECKED,
    UNBOUNDED,
    makes_loss_unbounded,
    prove_and_check,
    reject_spurious_fix,
    spurious_gain_message,
)
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Part, Trial

HELD_OUT = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)
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
        spurious_gain_message(trial(of_search=True), None, study(edited, record(sees=False)))


def with_reachability(record: Record, unbounded: bool | None) -> Record:
    if unbounded is not None:
        record.add(Fact.of(facts.Reachability(0.5, 1.0, unbounded, True, 64), 0))
    return record


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, True), (False, False), (None, None)])
def test_an_edit_that_makes_the_loss_unbounded_is_no_fix(before, after):
    first, second = with_reachability(Record(), before), with_reachability(Record(), after)
    assert makes_loss_unbounded(first, second, "metric") == bool(after and not before)
    first.extend([Fact.of(HELD_OUT, 0, "test accuracy"), Reading("logged_metric", "test accuracy", 0, 0.5)])
    assert not makes_loss_unbounded(first, second, "metric")  # A share of correct predictions is always bounded.
    assert makes_loss_unbounded(first, second, "fixed") == bool(after and not before)


def test_a_search_edit_that_makes_the_loss_unbounded_is_rejected():
    edited = with_reachability(record(sees=False), True)
    fix = trial(of_search=True)
    after = reject_spurious_fix(Proof(trials=(fix,), fix=fix), study(edited, with_reachability(record(False), False)))
    assert after.fix is None and after.trials[0].reason == UNBOUNDED


def test_an_edit_of_a_search_without_time_for_its_check_is_not_proved():
    without_time = study(record(sees=False), record(sees=False))
    without_time.context.deadline = Deadline(0.0)
    fix = trial(of_search=True)
    after = reject_spurious_fix(Proof(trials=(fix,), fix=fix, confirmed=frozenset({"unreadable"})), without_time)
    assert after.fix is None and not after.confirmed and not after.rejected
    assert (after.trials[0].verdict, after.trials[0].reason) == ("not_proved", NOT_CHECKED)
    assert without_time.times.ran_out


def test_a_remedy_for_a_known_problem_that_makes_the_loss_unbounded_is_rejected():
    bounded, edited = (with_reachability(record(sees=False), unbounded) for unbounded in (False, True))
    fix = replace(trial(of_search=False), after=0.5)
    after = reject_spurious_fix(Proof(trials=(fix,), fix=fix), study(edited, bounded))
    assert after.fix is None and (after.trials[0].verdict, after.trials[0].reason) == ("not_proved", UNBOUNDED)


@pytest.mark.parametrize(
    ("changes", "unbounded", "is_proved"),
    [
        ({}, False, False),
        ({}, None, True),  # The bound of the unchanged script's loss is unknown.
        ({}, True, True),
        ({"after": 0.05}, False, True),  # The script learns with the remedy, so no follow-up examines it.
        ({"remedies": ("learning_rate",)}, False, True),  # A setting does not change the loss function.
    ],
)
def test_a_remedy_without_time_for_its_check_is_not_proved_if_it_may_remove_the_bound(changes, unbounded, is_proved):
    baseline = with_reachability(record(sees=False), unbounded)
    without_time = study(baseline, baseline)
    without_time.context.deadline = Deadline(0.0)
    fix = replace(trial(of_search=False), **{"after": 0.5, **changes})
    after = reject_spurious_fix(Proof(trials=(fix,), fix=fix), without_time)
    assert (after.fix is fix) is is_proved
    assert is_proved or after.trials[0].reason == NOT_CHECKED


def test_no_fix_is_shown_as_proved_before_it_is_checked(monkeypatch):
    fix = trial(of_search=True)
    proof = Proof(trials=(fix,), fix=fix)

    def prove(stages, study, first):
        yield first
        yield proof
        return proof

    monkeypatch.setattr(spurious_gain, "prove", prove)
    for sees in (True, False):
        shown = prove_and_check([], study(record(sees), record(sees=False)), Proof())
        assert [next(shown).fix is None, next(shown).fix is None] == [True, sees]
        with pytest.raises(StopIteration) as end:
            next(shown)
        assert (end.value.value.fix is None) == sees
