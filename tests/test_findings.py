"""Findings, suspicions and observations of a case, made from its symptoms and trials."""

import math
from dataclasses import replace

import pytest

from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.findings import build_case
from descend.doctor.record import Ending, Reading, Record, Site
from descend.doctor.report.titles import heading, title
from descend.doctor.report.verdict import headline, verdict
from descend.doctor.script.script import Script
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Trial, TrialRun


def symptom(name: str, *, certain: bool = False) -> Symptom:
    return Symptom(certain, "", "", 1.0, 0.0, "", id=name, kind="dynamics")


FACT, SUSPECTED = symptom("wrong_objective", certain=True), symptom("unreadable")


@pytest.mark.parametrize(
    ("symptoms", "confirmed", "reported"),
    [
        ([SUSPECTED, FACT], {"unreadable"}, ["unreadable"]),  # Its edit has won, so it shows where the mistake is.
        ([SUSPECTED, FACT], set(), ["wrong_objective"]),
        (
            [SUSPECTED, FACT],
            {"unreadable", "wrong_objective"},
            ["unreadable"],
        ),
        ([symptom("no_step", certain=True), SUSPECTED, FACT], set(), ["no_step"]),
        ([symptom("no_step", certain=True), SUSPECTED, FACT], {"unreadable"}, ["no_step", "unreadable"]),
    ],
)
def test_a_problem_of_unknown_cause_is_reported_if_its_edit_won_or_nothing_else_is_found(
    symptoms, confirmed, reported
) -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    case = build_case(record, Proof(tuple(symptoms), confirmed=frozenset(confirmed)))
    assert [finding.id for finding in case.findings] == reported


def test_the_finding_of_a_search_is_an_observation() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    pair = (0.1, 0.1)
    runs = {
        name: (TrialRun(1, 1, 1.0, share), TrialRun(2, 2, 1.0, share)) for name, share in (("b", 0.12), ("t", 0.985))
    }
    label = "remove round in line 33"
    trial = Trial(("skip_call",), label, "unreadable", "proved", "cost", 2.3, 0.1, pair, pair, (1, 2))
    trial = replace(trial, baseline=runs["b"], treated=runs["t"])
    known = Proof((SUSPECTED,), (trial,), confirmed=frozenset({"unreadable"}), fix=trial)
    case = build_case(record, known)
    [found] = case.findings
    assert found.certainty == "observation"
    assert heading(found) == 'With the edit "remove round in line 33" the run does better'
    assert "accuracy 12 % → 98.5 % on the fixed training examples (mean of 2 seeds)" in found.sentence
    assert verdict(case).startswith("1 observation without a known cause, and a proved fix")
    assert headline(case) == heading(found)


def test_a_problem_with_a_known_cause_is_a_finding() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    for name in ("no_step", "unbounded_loss"):
        [found] = build_case(record, Proof((symptom(name, certain=True),))).findings
        assert found.certainty == "certain" and heading(found) == title(name)


def test_a_withdrawn_fact_is_no_finding() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    pair = (5.0, 5.0)
    trial = Trial(("x",), "x", "negated_loss", "worse", "cost", 1.0, 5.0, pair, pair, (1, 2), refutes=True)
    fact = symptom("negated_loss", certain=True)
    known = Proof((fact,), (trial,), withdrawn=frozenset({"negated_loss"}), judged=frozenset({"negated_loss"}))
    case = build_case(record, known)
    assert not case.findings and not case.undecided_suspicions
    assert case.withdrawn_findings == ((fact, trial),)
    assert build_case(record, replace(known, withdrawn=frozenset())).findings == (fact,)


def test_findings_of_unknown_cause_are_ranked_by_their_best_edit() -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    known = Proof(confirmed=frozenset({"unreadable", "wrong_objective"}))
    for name, after in (("wrong_objective", 0.4), ("unreadable", 0.1)):
        interval = (after, after)
        trial = Trial(("skip_call",), name, name, "helps", "cost", 1.0, after, interval, interval, (1,))
        known = known.with_trial(trial)
    at = Site("on_inputs", "0", "train.py", 3)
    found = build_case(record, replace(known, symptoms=(replace(SUSPECTED, where=at), FACT))).findings
    assert [finding.id for finding in found] == ["unreadable", "wrong_objective"]
    named = symptom("no_step", certain=True)
    assert build_case(record, replace(known, symptoms=(named, SUSPECTED, FACT))).findings[0].id == "no_step"


def test_the_first_of_two_edits_is_located_by_its_own_trial(tmp_path) -> None:
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
        known = Proof((fact,), trials, frozenset({"no_step"}), fix=two)
        [found] = build_case(record, known).findings
        assert found.where.line == line


def trained(*losses: float, **layers: float) -> Record:
    """Return the record of a finished run with these losses and shares of dead units."""
    record = Record(script="train.py")
    for step, loss in enumerate(losses):
        record.add(Reading("loss", "0", step, loss))
    for layer, share in layers.items():
        for step in range(len(losses)):
            record.add(Reading("dead_share", layer, step, share))
    record.add(Ending("finished", 0, len(losses)))
    return record


FAILED = (2.3, *(10.0**i for i in range(60)), math.nan)
LEARNED = tuple(2.3 * 0.9**i for i in range(60))


def consult(baseline: Record, fixed: Record, verdict: str, suspicion: str) -> list[str]:
    """Return the ids of the suspicions that remain after a fix of another problem with this verdict."""
    pair = (0.1, 0.1)
    fix = Trial(("zero_grad",), "call zero_grad", "no_zero_grad", verdict, "cost", 2.3, 0.1, pair, pair, (1, 2))
    symptoms = (symptom("no_zero_grad", certain=True), symptom(suspicion))
    case = build_case(baseline, Proof(symptoms, (fix,), fix=fix, trial_run=fixed))
    return [s.id for s in case.suspicions]


def test_a_suspicion_whose_symptom_is_gone_in_the_fixed_run_is_settled() -> None:
    assert detect("optimisation", trained(*FAILED)) and not detect("optimisation", trained(*LEARNED))
    assert consult(trained(*FAILED), trained(*LEARNED), "proved", "optimisation") == []


def test_a_suspicion_stays_if_the_fixed_run_still_has_its_symptom() -> None:
    assert consult(trained(*FAILED), trained(*FAILED), "proved", "optimisation") == ["optimisation"]


def test_a_suspicion_stays_without_a_proof() -> None:
    assert consult(trained(*FAILED), trained(*LEARNED), "partly_fixes", "optimisation") == ["optimisation"]


def test_a_suspicion_stays_if_the_fixed_run_lacks_its_measurement() -> None:
    baseline = trained(*FAILED, hidden=0.95)
    assert detect("dead_units", baseline) and not detect("dead_units", trained(*LEARNED))
    assert consult(baseline, trained(*LEARNED), "proved", "dead_units") == ["dead_units"]
    assert consult(baseline, trained(*LEARNED, hidden=0.0), "proved", "dead_units") == []


def test_a_suspicion_that_only_an_edited_script_showed_stays() -> None:
    assert consult(trained(*LEARNED), trained(*LEARNED), "proved", "optimisation") == ["optimisation"]


def test_a_suspected_problem_that_the_catalog_no_longer_has_stays() -> None:
    assert consult(trained(*FAILED), trained(*LEARNED), "proved", "of_an_older_version") == ["of_an_older_version"]
