"""The remedy of a fact may show a gain on held-out data only."""

from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.assess.logged_metric import main_metric
from descend.doctor.record import Fact, Reading, Record, facts
from descend.doctor.trials.screen import NO_METRIC, screen_prescriptions

HELD_OUT = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)


@pytest.mark.parametrize(
    ("value", "is_fact", "data", "by_number"),
    [
        (0.95, True, True, True),
        (0.5, True, True, False),
        (0.95, False, True, False),
        (0.95, True, None, False),
        (None, True, None, True),  # No loss can compare it.
        (None, False, None, False),
    ],
)
def test_a_fact_remedy_without_a_gain_is_compared_by_the_logged_metric(value, is_fact, data, by_number):
    baseline = record_of(1.0)
    baseline.add(Fact.of(replace(HELD_OUT, is_held_out=data), 99, "test acc"))
    baseline.add(Reading("logged_metric", "test acc", 99, 0.2))
    if value is None:
        del baseline.readings["metric", "negative_log_likelihood"]
    table = Printing(0.2, 0.9)
    table.baseline, table.outcomes["a"] = baseline, value or 1.0
    asked = replace(prescription("a"), of_fact=is_fact)
    [found] = screen_prescriptions([asked], table)
    assert found.prescription.judged_on == ("metric" if by_number else "fixed")
    assert found.shows_gain == (by_number or value == 0.5)
    assert found.reason == (NO_METRIC if value is None and not by_number else "")
    [honest] = screen_prescriptions([replace(asked, judged_on="nothing")], table)
    assert honest.prescription.judged_on == "nothing" and not honest.shows_gain


class Printing(Table):
    """Trial runs that print one number with the edit and another without."""

    def __init__(self, before: float, after: float) -> None:
        super().__init__({"pass": 1.0, "a": 0.3})
        self.printed = {"pass": before, "a": after}

    def answer(self, job) -> Record:
        record = super().answer(job)
        record.add(Reading("logged_metric", "test acc", job.steps, self.printed[job.script.edits[SCRIPT.path].strip()]))
        return record


@pytest.mark.parametrize(
    ("after", "told", "verdict"),
    [
        (0.62, {}, "train_longer"),
        (
            0.62,
            {"untrained": 0.58},
            "not_proved",
        ),  # It has learned almost nothing.
        (0.7, {"untrained": 0.58}, "train_longer"),
        (0.6, {}, "not_proved"),
        (0.4, {}, "not_proved"),
        (0.7, {}, "train_longer"),
        (0.4, {"is_held_out": None}, "train_longer"),  # The metric may be of the training data.
        (0.4, {"is_loss": True}, "train_longer"),  # The loss may have another unit.
    ],
)
def test_more_steps_that_improve_only_the_loss_are_no_fix(after, told, verdict):
    baseline = record_of(1.0)
    if "untrained" in told:
        baseline.add(Fact.of(facts.UntrainedMetric(told["untrained"]), 0, "test acc"))
    of_name = {field: value for field, value in told.items() if field != "untrained"}
    baseline.add(Fact.of(replace(HELD_OUT, **of_name), 99, "test acc"))
    baseline.add(Reading("logged_metric", "test acc", 99, 0.6))
    longer = replace(prescription("a"), times=4)
    proof, table = tried({}, [longer], baseline, Printing(0.6, after))
    assert verdicts(proof) == {"a": verdict}
    assert ("'test acc' does not improve with the edit" in proof.trials[0].reason) == (verdict == "not_proved")
    other, _ = tried(
        {}, [prescription("a")], baseline, Printing(0.6, after)
    )  # A second mistake may keep the metric low.
    assert other.fix is not None


@pytest.mark.parametrize(("after", "kind"), [(-1.0, "gain"), (1.0, "error")])
def test_an_error_that_falls_below_zero_is_compared_by_its_descent(after, kind):
    baseline = record_of(1.0)
    baseline.add(Fact.of(facts.MetricName(rises=False, is_share=False, is_loss=True, is_held_out=True), 99, "test acc"))
    baseline.add(Reading("logged_metric", "test acc", 99, 3.0))
    baseline.add(Fact.of(facts.UntrainedMetric(3.2), 0, "test acc"))
    proof, _ = tried({}, [replace(prescription("a"), judged_on="metric")], baseline, Printing(3.0, after))
    ends = (1 / 0.32, 1 / 4.2) if kind == "gain" else (3.0, 1.0)
    assert verdicts(proof) == {"a": "proved"} and main_metric(baseline).kind == kind
    assert (proof.fix.before, proof.fix.after) == pytest.approx(ends)
