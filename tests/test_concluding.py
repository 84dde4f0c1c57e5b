"""What is told of what was found and tried."""

import pytest

from descend.concluding import conclude
from descend.record import Ending, Record
from descend.symptoms import Symptom
from descend.trials.prove import Proof


def symptom(name: str, *, certain: bool = False) -> Symptom:
    return Symptom(name, "dynamics", certain, "", "", 1.0, 0.0, "")


FACT, SUSPECTED = symptom("wrong_objective", certain=True), symptom("unreadable")


@pytest.mark.parametrize(
    ("symptoms", "confirmed", "told"),
    [
        ([SUSPECTED, FACT], {"unreadable"}, ["unreadable"]),  # its edit has won: it says where the mistake is
        ([SUSPECTED, FACT], set(), ["wrong_objective"]),
        ([SUSPECTED, FACT], {"unreadable", "wrong_objective"}, ["wrong_objective"]),  # of one place the first is told
        ([symptom("no_step", certain=True), SUSPECTED, FACT], set(), ["no_step"]),
        ([symptom("no_step", certain=True), SUSPECTED, FACT], {"unreadable"}, ["no_step", "unreadable"]),
    ],
)
def test_what_has_no_name_is_told_where_its_edit_has_won_or_nothing_else_is_known(symptoms, confirmed, told) -> None:
    record = Record()
    record.add(Ending("finished", 0, 100))
    case = conclude(record, symptoms, Proof(confirmed=confirmed), "", 0.0)
    assert [finding.id for finding in case.findings] == told
