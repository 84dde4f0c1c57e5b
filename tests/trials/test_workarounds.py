"""Workarounds, compared with remedies that fix the cause."""

from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts


@pytest.mark.parametrize("how", [{"gives_up": True}, {"decides": False}])
@pytest.mark.parametrize(
    ("keeps", "of", "cost", "lasts", "taken"),
    [
        (0.2, "s", 1, True, "keep"),
        (0.2, "s", 3, True, "drop"),
        (0.4, "s", 1, True, "drop"),
        (0.2, "other", 1, True, "drop"),
        (0.2, "s", 1, False, "drop"),
    ],
)
def test_a_workaround_is_taken_only_if_no_other_remedy_is_good_enough(how, keeps, of, cost, lasts, taken):
    class Fading(Table):
        def answer(self, job):
            is_gone = not lasts and job.seed != 0 and job.script.edits[SCRIPT.path].strip() == "keep"
            return record_of(1.0, job.seed, job.steps) if is_gone else super().answer(job)

    both = [prescription("keep", of, cost=cost), replace(prescription("drop"), **how)]
    table = Fading({"pass": 1.0, "keep": keeps, "drop": 0.1, "dropkeep": 0.1, "keepdrop": 0.1})
    proof, _ = tried({}, both, table=table)
    if not both[1].decides and keeps == 0.4:  # The decisive remedy removes too little, so its symptom is not the cause.
        assert proof.rejected == {"s"} and proof.fix is None
        return
    assert proof.fix.label == taken and verdicts(proof)[taken] == "proved"
