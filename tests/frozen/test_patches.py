"""A patch of each remedy, for a program that was examined: what is added needs nothing of descend."""

import ast
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest
from freeze import ROOT, programs
from frozen import RECORDS, records_in

from descend.doctor.catalog.diagnosis import diagnose, general_symptoms
from descend.doctor.catalog.prescribe import prescribe
from descend.doctor.record import Record
from descend.doctor.remedies import REMEDIES, if_applicable
from descend.doctor.script.script import Script

MOST = 0.85  # of the remedies are prescribed for one of the programs at least


@pytest.mark.slow
def test_a_patch_of_each_remedy_needs_nothing_of_descend(tmp_path: Path) -> None:
    made = {program.name: program for program in programs()}
    applied, free = set(), set()
    for name, record in placed(tmp_path):
        named, script = diagnose(record), None
        for prescription in prescribe(record, [*named, *general_symptoms(record)], named):
            if free.issuperset(prescription.remedies):
                continue
            if script is None:
                path = made[name].write(tmp_path)
                script = Script(path, path.parent)
            edited = if_applicable(prescription.apply, script)
            if edited is not None:
                applied |= set(prescription.remedies)
                is_free = imports_of_descend(edited) <= imports_of_descend(script)
                free |= set(prescription.remedies) if is_free else set()
    assert applied == free
    assert len(applied) > MOST * len(REMEDIES), REMEDIES.keys() - applied


def placed(made: Path) -> Iterator[tuple[str, Record]]:
    """Yield the records as they would be of the programs where these lie now."""
    with lzma.open(RECORDS, "rb") as lines:
        here = (b'"/descend', f'"{ROOT}'.encode()), (b'"/made', f'"{made}'.encode())
        yield from records_in(line.replace(*here[0]).replace(*here[1]) for line in lines)


def imports_of_descend(script: Script) -> set[str]:
    found = set()
    for file in {script.path, *script.edits}:
        for node in ast.walk(ast.parse(script.read(file))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name for name in names if name.partition(".")[0] == "descend"}
    return found
