"""Changes of clinic programs whose effect is known: each applies, and its right verdicts follow from its kind."""

import sys
from collections import Counter
from pathlib import Path

import pytest

from descend.doctor.changes.from_patch import apply_patch_text
from descend.doctor.script.script import Script

CLINIC = Path(__file__).parents[2] / "clinic"
sys.path.insert(0, str(CLINIC))
known = __import__("known_changes")
variants = __import__("variants")


def test_each_fault_that_a_change_of_the_code_repairs_has_a_patch():
    curable = [patient for kind in ("sick", "novice") for patient in variants.patients(kind) if patient.curable]
    fixed = [change.program for change in known.fixes()]
    assert sorted(patient.path for patient in curable) == sorted(fixed)


@pytest.mark.parametrize("change", known.fixes(), ids=lambda change: change.program.stem)
def test_a_fix_applies_to_its_program(change):
    script = Script(change.program, change.program.parent)
    edited = apply_patch_text(script, change.text, "fix")
    source = edited.read(change.program)
    compile(source, change.program.name, "exec")
    assert source != script.read(change.program)


@pytest.mark.thorough  # `make clinic` runs it
def test_each_program_has_one_edit_without_effect_and_each_healthy_one_a_mistake():
    edits, mistakes = list(known.edits_without_effect()), list(known.planted_mistakes())
    faulty = [patient.path for kind in ("sick", "novice") for patient in variants.patients(kind)]
    assert Counter(change.program for change in edits) == Counter([*faulty, *known.healthy_programs()])
    assert {change.program for change in mistakes} <= set(known.healthy_programs())
    assert len({change.program for change in mistakes}) == len(mistakes) > 100
    for change in [*edits, *mistakes]:
        compile(change.text, change.id, "exec")
        assert change.text != change.program.read_text(encoding="utf-8")
        assert not change.right & {"helps", "undecided"}
    assert len({change.name for change in edits}) > 10  # The choice is spread over all kinds of edits.
