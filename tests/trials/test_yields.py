"""What only bears the trouble, or gives something up, beside what mends it."""

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
def test_what_bears_the_trouble_or_gives_something_up_is_for_where_nothing_else_will_do(
    how, keeps, of, cost, lasts, taken
):
    class Fading(Table):
        def answer(self, job):
            is_gone = not lasts and job.seed != 0 and job.script.edits[SCRIPT.path].strip() == "keep"
            return record_of(1.0, job.seed, job.steps) if is_gone else super().answer(job)

    both = [prescription("keep", of, cost=cost), replace(prescription("drop"), **how)]
    table = Fading({"pass": 1.0, "keep": keeps, "drop": 0.1, "dropkeep": 0.1, "keepdrop": 0.1})
    proof, _ = tried({}, both, table=table)
    if not both[1].decides and keeps == 0.4:  # what decides does not explain the trouble: it is not that
        assert proof.refuted == {"s"} and proof.cure is None
        return
    assert proof.cure.label == taken and verdicts(proof)[taken] == "proved"
