"""A cure that several looks have made up is left with what it needs."""

from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, verdicts

from descend.doctor.remedies import Change, NotApplicable
from descend.doctor.second_look import with_what_is_needed
from descend.doctor.trials.candidate import run_all
from descend.doctor.trials.confirm import confirm
from descend.doctor.trials.parts import joined, made_again
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Part

OUTCOMES = {"pass": 1.0, "abc": 0.05, "bc": 0.05, "ac": 0.5, "ab": 0.5, "b": 0.6, "c": 0.5}


def part(text: str, **kind: bool) -> Part:
    return Part(replace(prescription(text, text.upper(), remedy=f"edit_{text}"), **kind), {})


def taken(parts: list[Part], outcomes: dict[str, float]) -> Proof:
    """Return the proof in which all parts are the cure, when what is not needed has been left out."""
    table = Table(outcomes)
    [candidate] = run_all([joined(parts, made_again(parts, SCRIPT), "fixed")], table)
    cure = replace(confirm(candidate, table), parts=tuple(parts))
    symptoms = frozenset(p.prescription.symptom for p in parts)
    return with_what_is_needed(table, Proof((), (cure,), symptoms, cure=cure, trial_run=candidate.record))


def test_what_let_the_rest_be_seen_and_is_not_needed_is_left_out():
    proof = taken([part("a"), part("b"), part("c")], OUTCOMES)
    assert proof.cure.remedies == ("edit_b", "edit_c") and proof.cure.label == "b + c"
    assert proof.confirmed == {"B", "C"} and "A" in proof.dismissed and proof.cure.symptom == "B"
    assert verdicts(proof) == {"b + c": "proved", "a + b + c": "helps"}


def test_several_are_left_out_one_after_another():
    assert taken([part("a"), part("b"), part("c")], OUTCOMES | {"c": 0.05}).cure.remedies == ("edit_c",)


@pytest.mark.parametrize("outcomes", [{"bc": 0.5}, {"bc": 0.07}])
def test_what_is_needed_stays(outcomes):
    proof = taken([part("a"), part("b"), part("c")], OUTCOMES | outcomes)
    assert len(proof.cure.parts) == 3 and proof.confirmed == {"A", "B", "C"} and len(proof.trials) == 1


def test_what_mends_a_fact_stays():
    assert len(taken([part("a", of_fact=True), part("b"), part("c")], OUTCOMES).cure.parts) == 3


def test_what_another_change_was_made_in_cannot_be_left_out():
    def within(script):
        text = script.edits[SCRIPT.path].strip()
        return script.edit(SCRIPT.path, f"{text}c\n") if "a" in text else NotApplicable("no a")

    parts = [part("a"), part("b"), part("c")]
    parts[2] = replace(parts[2], prescription=replace(parts[2].prescription, changes=(Change("edit_c", within),)))
    assert made_again(parts[1:], SCRIPT) is None
    assert len(taken(parts, OUTCOMES).cure.parts) == 3


def test_of_two_learning_rates_the_last_one_is_named_and_starts_at_the_scripts_own():
    def at_rate(text: str, old: str, new: str) -> Part:
        one = part(text).prescription
        changes = (*one.changes, Change("learning_rate", one.changes[0].edit))
        return Part(replace(one, changes=changes, label=f"{text}, learning rate {old} → {new}"), {})

    both = joined([at_rate("a", "0.005", "0.05"), at_rate("b", "0.05", "0.003")], SCRIPT, "fixed")
    assert both.prescription.label == "a + b, learning rate 0.005 → 0.003"
    assert both.prescription.remedies == ("edit_a", "edit_b", "learning_rate")
