"""A fix that several follow-ups have combined keeps only the parts that it needs."""

from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, verdicts

from descend.doctor.follow_up import remove_unneeded_parts
from descend.doctor.remedies import Change, NotApplicable
from descend.doctor.trials.ablation import apply_parts, join_parts
from descend.doctor.trials.candidate import run_candidates
from descend.doctor.trials.confirm import confirm_on_fresh_seeds
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Part

OUTCOMES = {"pass": 1.0, "abc": 0.05, "bc": 0.05, "ac": 0.5, "ab": 0.5, "b": 0.6, "c": 0.5}


def part(text: str, **kind: bool) -> Part:
    return Part(replace(prescription(text, text.upper(), remedy=f"edit_{text}"), **kind), {})


def taken(parts: list[Part], outcomes: dict[str, float]) -> Proof:
    """Return the proof after the removal of unneeded parts from a fix of all parts."""
    table = Table(outcomes)
    [candidate] = run_candidates([join_parts(parts, apply_parts(parts, SCRIPT), "fixed")], table)
    cure = replace(confirm_on_fresh_seeds(candidate, table), parts=tuple(parts))
    symptoms = frozenset(p.prescription.symptom for p in parts)
    return remove_unneeded_parts(table, Proof((), (cure,), symptoms, fix=cure, trial_run=candidate.record))


def test_a_part_that_only_made_another_problem_visible_is_removed():
    proof = taken([part("a"), part("b"), part("c")], OUTCOMES)
    assert proof.fix.remedies == ("edit_b", "edit_c") and proof.fix.label == "b + c"
    assert proof.confirmed == {"B", "C"} and "A" in proof.dismissed and proof.fix.symptom == "B"
    assert verdicts(proof) == {"b + c": "proved", "a + b + c": "helps"}


def test_several_parts_are_removed_one_after_another():
    assert taken([part("a"), part("b"), part("c")], OUTCOMES | {"c": 0.05}).fix.remedies == ("edit_c",)


@pytest.mark.parametrize("outcomes", [{"bc": 0.5}, {"bc": 0.07}])
def test_a_needed_part_stays(outcomes):
    proof = taken([part("a"), part("b"), part("c")], OUTCOMES | outcomes)
    assert len(proof.fix.parts) == 3 and proof.confirmed == {"A", "B", "C"} and len(proof.trials) == 1


def test_the_remedy_of_a_fact_stays():
    assert len(taken([part("a", of_fact=True), part("b"), part("c")], OUTCOMES).fix.parts) == 3


def test_a_part_that_another_part_edits_is_kept():
    def within(script):
        text = script.edits[SCRIPT.path].strip()
        if "a" not in text:
            raise NotApplicable("no a")
        return script.edit(SCRIPT.path, f"{text}c\n")

    parts = [part("a"), part("b"), part("c")]
    parts[2] = replace(parts[2], prescription=replace(parts[2].prescription, changes=(Change("edit_c", within),)))
    assert apply_parts(parts[1:], SCRIPT) is None
    assert len(taken(parts, OUTCOMES).fix.parts) == 3


def test_the_label_names_the_last_learning_rate_and_the_scripts_own():
    def at_rate(text: str, old: str, new: str) -> Part:
        one = part(text).prescription
        changes = (*one.changes, Change("learning_rate", one.changes[0].edit))
        return Part(replace(one, changes=changes, label=f"{text}, learning rate {old} → {new}"), {})

    both = join_parts([at_rate("a", "0.005", "0.05"), at_rate("b", "0.05", "0.003")], SCRIPT, "fixed")
    assert both.prescription.label == "a + b, learning rate 0.005 → 0.003"
    assert both.prescription.remedies == ("edit_a", "edit_b", "learning_rate")
