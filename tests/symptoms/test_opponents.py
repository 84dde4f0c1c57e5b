"""Losses that opponents move accuse nobody; one that explodes does."""

import pytest
from records import healthy, observe, probe, rising, second_optimizer, set_cost, set_series, stuck

from descend.doctor.canon import CANON
from descend.doctor.course.opponents import EXPLODED
from descend.doctor.course.progress import constant_cost, cost_left, first_rise, is_stuck
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


def test_a_shift_of_activations_accuses_a_run_that_suffers_and_no_gan():
    assert CANON["covariate_shift"].look(shifted()) is not None
    assert CANON["covariate_shift"].look(oppose(shifted())) is None


def test_of_opponents_no_cost_is_stuck_or_risen():
    record = healthy()
    set_cost(record, rising)
    assert first_rise(record, "0") is not None
    oppose(record)
    assert first_rise(record, "0") is None and not is_stuck(record, "0")
    assert constant_cost(record) is None and cost_left(record) != cost_left(record)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 2.0, EXPLODED + 1], 2),
        ([1.0, float("nan")], 1),
        ([1.0, EXPLODED - 1, 2.0], None),
        ([0.01, -3.0, 5.0], None),  # without a floor no multiple says anything
    ],
)
def test_one_that_explodes_has_risen(losses, expected):
    record = oppose(healthy())
    set_series(record, "loss", "0", losses)
    assert first_rise(record, "0") == expected and is_stuck(record, "0") == (expected is not None)
