"""Adversarial losses give no finding, except for a loss that explodes."""

import pytest
from records import healthy, observe, probe, rising, second_optimizer, set_cost, set_series, stuck

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.assess.opponents import EXPLODED
from descend.doctor.assess.summary import summarise
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import facts


def shifted():
    record = healthy(**{"rule": "Adam", "lr": 2e-4})
    stuck(record)
    for place in ("a", "b", "c", "d"):
        probe(record, "activation_scale", place, [1.0, 5.0, 20.0])
    return record


def oppose(record):
    second_optimizer(record, [1.0] * 20)
    observe(record, facts.Opponents("1"), "0", 2)
    return record


def test_covariate_shift_is_reported_in_a_failing_run_but_not_in_a_gan():
    assert detect("covariate_shift", shifted()) is not None
    assert detect("covariate_shift", oppose(shifted())) is None


def test_adversarial_losses_are_neither_stuck_nor_risen():
    record = healthy()
    set_cost(record, rising)
    assert summarise(record).first_rise("0") is not None
    oppose(record)
    assert summarise(record).first_rise("0") is None and not summarise(record).is_stuck("0")
    assert constant_cost(record) is None and summarise(record).cost_left != summarise(record).cost_left


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 2.0, EXPLODED + 1], 2),
        ([1.0, float("nan")], 1),
        ([1.0, EXPLODED - 1, 2.0], None),
        ([0.01, -3.0, 5.0], None),  # Without a lower bound, a multiple of the first loss is meaningless.
    ],
)
def test_an_exploded_adversarial_loss_has_risen(losses, expected):
    record = oppose(healthy())
    set_series(record, "loss", "0", losses)
    assert summarise(record).first_rise("0") == expected and summarise(record).is_stuck("0") == (expected is not None)
