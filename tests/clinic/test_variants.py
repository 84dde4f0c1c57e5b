"""The clinic's programs: each states its fault, and each of its variants is a valid script."""

import ast
import sys
from pathlib import Path

import pytest

from descend.doctor.catalog import CATALOG

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))
variants = __import__("variants")

PATIENTS = [*variants.patients("sick"), *variants.patients("healthy")]


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda p: p.name)
def test_a_program_states_its_fault_where_the_doctor_cannot_see_it(patient):
    text = patient.variant("tuning", 0, 1)
    ast.parse(text)
    assert "# clinic:" not in text and "Fault:" not in text and "Fix:" not in text
    assert set(patient.faults) <= CATALOG.keys() | {"batch_size"}  # This problem is not detected yet.


# Problems of several processes, of a layer's slope and of unknown cause are not in the clinic yet.
WITHOUT_A_PATIENT = {"stragglers", "blocked_signal", "optimisation"}


def test_every_symptom_has_a_program():
    assert {fault for patient in PATIENTS for fault in patient.faults} == CATALOG.keys() - WITHOUT_A_PATIENT


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda p: p.name)
def test_every_alternative_is_on_its_own_line(patient):
    for line in patient.path.read_text().splitlines():
        if found := variants.CHOICE.search(line):
            first = found[1].split(" | ")[0].strip()
            assert line[: found.start()].count(first) == 1, line


def test_the_halves_share_no_variant():
    for patient in PATIENTS:
        mine, kept = ({patient.variant(half, n, 1) for n in range(3)} for half in variants.HALVES)
        assert not mine & kept


def test_there_are_many_faulty_and_many_working_programs():
    assert len(variants.patients("sick")) >= 40 and len(variants.patients("healthy")) >= 30
