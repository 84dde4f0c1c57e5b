"""The clinic's scripts: each says what its fault is, and each of its variants is a script."""

import ast
import sys
from pathlib import Path

import pytest

from descend.doctor.canon import CANON

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))
variants = __import__("variants")

PATIENTS = [*variants.patients("sick"), *variants.patients("healthy")]


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda p: p.name)
def test_a_patient_says_what_is_wrong_and_the_doctor_does_not_see_it(patient):
    text = patient.variant("tuning", 0, 1)
    ast.parse(text)
    assert "# clinic:" not in text and "Fault:" not in text and "Cure:" not in text
    assert set(patient.faults) <= CANON.keys() | {"batch_size"}  # which is not looked for yet


# What several processes, a layer's slope or nothing that has a name make of a run: not yet in the clinic.
WITHOUT_A_PATIENT = {"stragglers", "blocked_signal", "optimisation"}


def test_every_symptom_has_a_patient():
    assert {fault for patient in PATIENTS for fault in patient.faults} == CANON.keys() - WITHOUT_A_PATIENT


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda p: p.name)
def test_every_alternative_stands_in_its_own_line(patient):
    for line in patient.path.read_text().splitlines():
        if found := variants.CHOICE.search(line):
            first = found[1].split(" | ")[0].strip()
            assert line[: found.start()].count(first) == 1, line


def test_the_halves_share_no_variant():
    for patient in PATIENTS:
        mine, kept = ({patient.variant(half, n, 1) for n in range(3)} for half in variants.HALVES)
        assert not mine & kept


def test_the_sick_are_many_and_so_are_the_healthy():
    assert len(variants.patients("sick")) >= 40 and len(variants.patients("healthy")) >= 30
