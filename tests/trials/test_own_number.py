"""What mends a fact may show on held-out data alone."""

from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.course.own_metric import own_metric
from descend.doctor.record import Fact, Reading, Record, facts
from descend.doctor.trials.screen import NO_YARDSTICK, screen

HELD_OUT = facts.OwnNumber(rises=True, is_share=True, is_loss=False, is_held_out=True)


@pytest.mark.parametrize(
    ("value", "is_fact", "data", "by_number"),
    [
        (0.95, True, True, True),
        (0.5, True, True, False),
        (0.95, False, True, False),
        (0.95, True, None, False),
        (None, True, None, True),  # no loss can judge it
        (None, False, None, False),
    ],
)
def test_what_fixes_a_fact_and_shows_no_gain_is_judged_by_the_own_number(value, is_fact, data, by_number):
    baseline = record_of(1.0)
    baseline.add(Fact.of(replace(HELD_OUT, is_held_out=data), 99, "test acc"))
    baseline.add(Reading("own_number", "test acc", 99, 0.2))
    if value is None:
        del baseline.readings["yardstick", "negative_log_likelihood"]
    table = Printing(0.2, 0.9)
    table.baseline, table.outcomes["a"] = baseline, value or 1.0
    asked = replace(prescription("a"), of_fact=is_fact)
    [found] = screen([asked], table)
    assert found.prescription.judged_on == ("metric" if by_number else "fixed")
    assert found.helps == (by_number or value == 0.5)
    assert found.reason == (NO_YARDSTICK if value is None and not by_number else "")
    [honest] = screen([replace(asked, judged_on="nothing")], table)
    assert honest.prescription.judged_on == "nothing" and not honest.helps


class Printing(Table):
    """Trial runs that print a number of their own: with the change, and without."""

    def __init__(self, before: float, after: float) -> None:
        super().__init__({"pass": 1.0, "a": 0.3})
        self.printed = {"pass": before, "a": after}

    def answer(self, job) -> Record:
        record = super().answer(job)
        record.add(Reading("own_number", "test acc", job.steps, self.printed[job.script.edits[SCRIPT.path].strip()]))
        return record


@pytest.mark.parametrize(
    ("after", "told", "verdict"),
    [
        (0.62, {}, "train_longer"),
        (0.62, {"untrained": 0.58}, "not_proved"),  # it stands as without learning, and hardly moves
        (0.7, {"untrained": 0.58}, "train_longer"),
        (0.6, {}, "not_proved"),
        (0.4, {}, "not_proved"),
        (0.7, {}, "train_longer"),
        (0.4, {"is_held_out": None}, "train_longer"),  # perhaps of the training data
        (0.4, {"is_loss": True}, "train_longer"),  # perhaps in another unit
    ],
)
def test_more_steps_that_lower_the_loss_alone_are_no_cure(after, told, verdict):
    baseline = record_of(1.0)
    if "untrained" in told:
        baseline.add(Fact.of(facts.Untrained(told["untrained"]), 0, "test acc"))
    of_name = {field: value for field, value in told.items() if field != "untrained"}
    baseline.add(Fact.of(replace(HELD_OUT, **of_name), 99, "test acc"))
    baseline.add(Reading("own_number", "test acc", 99, 0.6))
    longer = replace(prescription("a"), times=4)
    proof, table = tried({}, [longer], baseline, Printing(0.6, after))
    assert verdicts(proof) == {"a": verdict}
    assert ("'test acc', by which the script measures itself" in proof.trials[0].reason) == (verdict == "not_proved")
    other, _ = tried(
        {}, [prescription("a")], baseline, Printing(0.6, after)
    )  # a second mistake may keep the number down
    assert other.cure is not None


@pytest.mark.parametrize(("after", "kind"), [(-1.0, "gain"), (1.0, "error")])
def test_an_error_that_comes_below_zero_has_no_floor(after, kind):
    baseline = record_of(1.0)
    baseline.add(Fact.of(facts.OwnNumber(rises=False, is_share=False, is_loss=True, is_held_out=True), 99, "test acc"))
    baseline.add(Reading("own_number", "test acc", 99, 3.0))
    baseline.add(Fact.of(facts.Untrained(3.2), 0, "test acc"))
    proof, _ = tried({}, [replace(prescription("a"), judged_on="metric")], baseline, Printing(3.0, after))
    ends = (1 / 0.32, 1 / 4.2) if kind == "gain" else (3.0, 1.0)
    assert verdicts(proof) == {"a": "proved"} and own_metric(baseline).kind == kind
    assert (proof.cure.before, proof.cure.after) == pytest.approx(ends)
