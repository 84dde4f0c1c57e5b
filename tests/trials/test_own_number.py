"""What mends a fact may show on held-out data alone."""

from dataclasses import replace
from math import nan

import pytest
from tables import SCRIPT, prescription, record_of

from descend.record import Fact, Reading
from descend.trials.candidate import Candidate, by_own_number


@pytest.mark.parametrize(
    ("value", "is_fact", "data", "reason", "asked"),
    [
        (0.95, True, True, "", 1),
        (0.5, True, True, "", 0),
        (0.95, False, True, "", 0),
        (0.95, True, None, "", 0),
        (nan, True, None, "no loss can judge it", 1),
        (nan, False, None, "no loss can judge it", 0),
    ],
)
def test_what_mends_a_fact_and_shows_nowhere_is_judged_by_the_own_number(value, is_fact, data, reason, asked):
    exam = record_of(1.0)
    exam.add(Fact("own_number", "test acc", 99, {"rises": True, "is_share": True, "is_held_out": data}))
    exam.add(Reading("own_number", "test acc", 99, 0.2))
    known = Candidate(replace(prescription("a"), of_fact=is_fact), SCRIPT, value=value, before=1.0, reason=reason)
    assert [c.prescription.judged_on for c in by_own_number([known], exam)] == ["metric"] * asked
    honest = replace(known, prescription=replace(known.prescription, judged_on="nothing"))
    assert by_own_number([honest], exam) == []
