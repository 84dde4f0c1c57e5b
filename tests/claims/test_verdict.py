"""The verdict on a claim, and on many claims with one error rate."""

from dataclasses import replace

import pytest

from descend.claims.claim import below
from descend.claims.estimate import Answer, Estimate
from descend.claims.gallery import load_claim
from descend.claims.verdict import Judged, Verdict, with_one_error_rate

CLAIM = replace(load_claim("momentum-never-hurts"), conditions=("digits", "text", "table"), expected=below(1.0))
HOLDS, FAILS, OPEN = Answer.HOLDS, Answer.FAILS, Answer.UNDECIDED


def judged(*answers: Answer, holds_for: str = "all", p_value: float = 0.001, more: int | None = 4) -> Judged:
    found = (Estimate(0.5, 0.4, 0.6, 6, each, p_value, more if each == OPEN else None) for each in answers)
    return Judged(replace(CLAIM, holds_for=holds_for), dict(zip(CLAIM.conditions, found)))


@pytest.mark.parametrize(
    ("answers", "holds_for", "verdict"),
    [
        ((HOLDS, HOLDS, HOLDS), "all", Verdict.HOLDS),
        ((HOLDS, FAILS, HOLDS), "all", Verdict.PARTLY),
        ((FAILS, FAILS, FAILS), "all", Verdict.FAILS),
        ((FAILS, OPEN, OPEN), "all", Verdict.FAILS),
        ((HOLDS, OPEN, HOLDS), "all", Verdict.UNDECIDED),
        ((HOLDS, HOLDS), "all", Verdict.UNDECIDED),  # a condition is not measured
        ((HOLDS, FAILS, FAILS), "some", Verdict.HOLDS),
        ((FAILS, FAILS, OPEN), "some", Verdict.UNDECIDED),
        ((FAILS, FAILS, FAILS), "some", Verdict.FAILS),
        ((), "all", Verdict.UNDECIDED),
    ],
)
def test_a_claim_holds_as_far_as_its_conditions_do(answers, holds_for, verdict):
    assert judged(*answers, holds_for=holds_for).verdict == verdict


def test_the_message_names_the_conditions():
    assert judged(HOLDS, FAILS, OPEN).message == "holds only for digits; does not hold for text; undecided for table"
    assert judged(FAILS, OPEN, OPEN).message == "does not hold for digits; undecided for text, table"


def test_seeds_that_would_decide_are_those_of_the_condition_that_needs_most():
    assert judged(OPEN, HOLDS, OPEN, more=7).more_seeds == 7
    assert judged(OPEN, OPEN, OPEN, more=None).more_seeds is None


def test_all_claims_share_one_error_rate():
    """Holm 1979, table 1's procedure by hand: of m = 6 tests, 0.03 / 6, 0.03 / 5, … in ascending order."""
    first, second = judged(HOLDS, HOLDS, OPEN, p_value=0.0049), judged(FAILS, HOLDS, OPEN, p_value=0.0073)
    one, other = with_one_error_rate([first, second], level=0.97)
    assert [e.answer for e in one.estimates.values()] == [HOLDS, HOLDS, OPEN]
    assert [e.answer for e in other.estimates.values()] == [FAILS, HOLDS, OPEN]
    one, other = with_one_error_rate([first, judged(FAILS, HOLDS, OPEN, p_value=0.0076)], level=0.97)
    assert [e.answer for e in one.estimates.values()] == [HOLDS, HOLDS, OPEN]
    assert [e.answer for e in other.estimates.values()] == [OPEN, OPEN, OPEN]
