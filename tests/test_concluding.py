"""What is told of what was found and tried."""

from dataclasses import replace

import pytest

from descend.doctor.concluding import conclude
from descend.doctor.record import Ending, Record, Site
from descend.doctor.report.titles import heading, title
from descend.doctor.report.verdict import headline, verdict
from descend.doctor.script.script import Script
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Trial, TrialRun


def symptom(name: str, *, certain: bool = False) -> Symptom:
    return Symptom(certain, "", "", 1.0, 0.0, "", id=name, kind="dynamics")


FACT, SUSPECTED = symptom("wrong_objective", certain=True), symptom("unreadable")


@pytest.mark.parametrize(
    ("symptoms", "confirmed", "told"),
    [
        ([SUSPECTED, FACT], {"unreadable"}, ["unreadable"]),  # its edit has won: it says where the mistake is
        ([SUSPECTED, FACT], set(), ["wrong_objective"]),
        ([SUSPECTED, FACT], {"unreadable", "wrong_objective"}, ["unreadable"]),  # of one place the first is told
        ([symptom("no_step", certain=True), SUSPECTED, FACT], set(), ["no_step"]),
        ([symptom("no_step", certain=True), SUSPECTED, FACT], {"unreadable"}, ["no_step", "unreadable"]),
    ],
)
def test_what_has_no_name_is_told_where_its_edit_has_won_or_nothing_else_is_known(symptoms, confirmed, told) -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    case = conclude(record, Proof(tuple(symptoms), confirmed=frozenset(confirmed)))
    assert [finding.id for finding in case.findings] == told


def test_what_a_search_finds_is_an_observation_and_no_diagnosis() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    pair = (0.1, 0.1)
    runs = {
        name: (TrialRun(1, 1, 1.0, share), TrialRun(2, 2, 1.0, share)) for name, share in (("b", 0.12), ("t", 0.985))
    }
    label = "without round in line 33"
    trial = Trial(("skip_call",), label, "unreadable", "proved", "cost", 2.3, 0.1, pair, pair, (1, 2))
    trial = replace(trial, baseline=runs["b"], treated=runs["t"])
    known = Proof((SUSPECTED,), (trial,), confirmed=frozenset({"unreadable"}), cure=trial)
    case = conclude(record, known)
    [found] = case.findings
    assert found.standing == "observation" and heading(found) == "Without round in line 33 the run does better"
    assert "accuracy 12 % → 98.5 % on the fixed training examples (mean of 2 seeds)" in found.sentence
    assert verdict(case).startswith("1 observation without a known cause, and a proved remedy")
    assert headline(case) == heading(found)


def test_what_the_measurement_explains_is_a_finding() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    for name in ("no_step", "unbounded_loss"):
        [found] = conclude(record, Proof((symptom(name, certain=True),))).findings
        assert found.standing == "fact" and heading(found) == title(name)


def test_a_fact_that_a_trial_refutes_is_no_finding() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    pair = (5.0, 5.0)
    trial = Trial(("x",), "x", "negated_loss", "worse", "cost", 1.0, 5.0, pair, pair, (1, 2), refutes=True)
    fact = symptom("negated_loss", certain=True)
    known = Proof((fact,), (trial,), withdrawn=frozenset({"negated_loss"}), judged=frozenset({"negated_loss"}))
    case = conclude(record, known)
    assert not case.findings and not case.undecided
    assert case.refuted == ((fact, trial),)
    assert conclude(record, replace(known, withdrawn=frozenset())).findings == (fact,)


def test_a_general_fact_stands_behind_the_general_finding_whose_edit_does_better() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    known = Proof(confirmed=frozenset({"unreadable", "wrong_objective"}))
    for name, after in (("wrong_objective", 0.4), ("unreadable", 0.1)):
        interval = (after, after)
        trial = Trial(("skip_call",), name, name, "helps", "cost", 1.0, after, interval, interval, (1,))
        known = known.telling(trial)
    at = Site("on_inputs", "0", "train.py", 3)
    found = conclude(record, replace(known, symptoms=(replace(SUSPECTED, where=at), FACT))).findings
    assert [finding.id for finding in found] == ["unreadable", "wrong_objective"]
    named = symptom("no_step", certain=True)
    assert conclude(record, replace(known, symptoms=(named, SUSPECTED, FACT))).findings[0].id == "no_step"


def test_of_two_changes_the_first_stands_where_it_was_made_by_itself(tmp_path) -> None:
    path = tmp_path / "train.py"
    path.write_text("a = 1\nb = 1\nloss.backward()\n")
    record = Record(sites=[Site("backward", "", str(path), 3)])
    record.add(Ending("finished", 0, 100))
    script, backward = Script(path, tmp_path), record.site("backward")
    alone = script.edit(path, "a = 1\nb = 2\nloss.backward()\n")
    both = script.edit(path, "a = 2\nb = 2\nloss.backward()\n")
    interval = (0.1, 0.1)
    one, two = (
        Trial(remedies, "", "no_step", verdict, "cost", 1.0, 0.1, interval, interval, (1,), made)
        for remedies, verdict, made in ((("b",), "helps", alone), (("b", "a"), "proved", both))
    )
    fact = replace(symptom("no_step", certain=True), where=backward)
    for trials, line in (((two, one), 2), ((two,), 1)):
        known = Proof((fact,), trials, frozenset({"no_step"}), cure=two)
        [found] = conclude(record, known).findings
        assert found.where.line == line
