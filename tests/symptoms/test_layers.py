"""Signals in the layers: gradients that vanish or explode, dead units, and activation scales that drift."""

from math import inf

import pytest
from records import forget, healthy, observe, probe, set_cost, settling_at
from sick_layers import (
    covariate_shift,
    dead_units,
    exploding_gradients,
    layer_rate_mismatch,
    one_rate_for_unequal_layers,
    plateau,
    saddle_point,
    vanishing_gradients,
)
from sick_runs import RUNS, look, named, neighbours

from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import facts

NAN = float("nan")

# run, changes to it, line, module, part of the sentence, a consequence
SHOWN = [
    (exploding_gradients, {}, 5, "", "101 in the first steps (limit: 100), 10.1 times as large", "cliff"),
    (exploding_gradients, {"norms": [1.0, 1.1e4], "layers": [1.0, 1.0, 1.0]}, 5, "", "is 1.1e+04", "instability"),
    (vanishing_gradients, {}, 5, "0.weight", "is 9.9e-03 of that of 2.weight (limit: 0.01)", "slow_progress"),
    (layer_rate_mismatch, {}, 10, "0.weight", "a step changes 2.weight by 3.0e-03 of its norm", "slow_progress"),
    (layer_rate_mismatch, {}, 10, "0.weight", "learning rates 0.1 and 0.0001", "vanishing_gradients"),
    (one_rate_for_unequal_layers, {}, 10, "0.weight", "2.weight by 4.9e-02 of its norm and 0.weight", "plateau"),
    (layer_rate_mismatch, {"rates": [0.1, 0.1]}, 10, "0.weight", "at the single learning rate 0.1", "plateau"),
    (layer_rate_mismatch, {"rates": [0.0099, 0.1]}, 10, "0.weight", "learning rates 0.1 and 0.0099", "instability"),
    (dead_units, {}, 77, "3", "since step 0, 50% of the ReLU units in 3", "vanishing_gradients"),
    (dead_units, {"since": 50, "share": 1.0}, 77, "3", "since step 50, 100% of the ReLU units", "plateau"),
    (covariate_shift, {}, 5, "1.act", "the activation scale of 1.act changes by a factor of 10", None),
    (covariate_shift, {"grows": 0.1}, 5, "1.act", "the activation scale of 1.act changes by a factor of 10", None),
    (plateau, {}, 5, "", "the gradient norm is only 1.5e-03 while the largest curvature is 0.02", "stopped_too_early"),
    (plateau, {"norm": 2.2e-3}, 5, "", "lower the loss by only 4.89% in 200 steps (limit: 5%)", "stopped_too_early"),
    (plateau, {"norm": 2.2e-2, "curvature": 2.0}, 5, "", "lower the loss by only 4.89%", "stopped_too_early"),
    (plateau, {"falls": 0.049}, 5, "", "the loss does not fall", "stopped_too_early"),
    (saddle_point, {}, 5, "", "grows from 1.0e-03 to 3.1e-02, 31 times as much (limit: 30 times)", "slow_progress"),
    (saddle_point, {}, 5, "", "the loss stays flat for 60 of 200 steps", "stopped_too_early"),
    (saddle_point, {"bends": -0.25}, 5, "", "negative curvature in one direction, with 12% of the size", "plateau"),
]


@pytest.mark.parametrize("run, changes, line, module, says, consequence", SHOWN, ids=named)
def test_reported(run, changes, line, module, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.kind == "dynamics"
    assert symptom.certain == (changes.get("share") == 1.0)  # A layer in which all units are dead is certain.
    assert symptom.where.line == line and symptom.module == module
    assert says in symptom.sentence and (consequence is None or consequence in symptom.explains)


LEFT_ALONE = {
    exploding_gradients: [{"norms": [99.0]}, {"layers": [99.0, 50.0, 10.0]}, {"layers": [101.0, 10.0]}, {"left": 0.29}]
    + [{"norms": [9.9e3], "layers": [1.0, 1.0, 1.0]}]
    # A later norm may result from a step.
    + [{"norms": [1.0, 1.0, 1e6]}, {"layers": [1.0, 1.0, 0.0]}, {"norms": [NAN]}],
    vanishing_gradients: [{"layers": [0.0101, 0.1, 1.0]}, {"layers": [0.001, 1.0]}, {"left": 0.29}]
    + [{"layers": [0.001, 1.0, 0.1, 0.1]}, {"layers": [0.0, 0.1, 1.0]}, {"layers": [0.0] * 3}],
    layer_rate_mismatch: [{"spread": 299.0}, {"left": 0.29}, {"place": "2.bias"}, {"spread": 0.0}]
    + [{"rates": [0.1, 0.0101]}],  # The learning rates of the groups differ little.
    one_rate_for_unequal_layers: [{"spread": 99.0}, {"slow": 5.1e-4}, {"left": 0.09}, {"left": 0.91}]
    + [{"rule": "Adam", "betas": (0.9, 0.999)}],  # The steps of Adam have the same length in all layers.
    dead_units: [{"share": 0.49}, {"left": 0.89}],
    covariate_shift: [{"grows": 9.9}, {"grows": 1 / 9.9}, {"grows": 0.0}, {"layers": 3}, {"layer": 0}, {"left": 0.29}],
    plateau: [{"norm": 2.3e-3}, {"curvature": 0.008}, {"curvature": -1.0}, {"rule": "Adam", "betas": (0.9, 0.999)}]
    + [{"left": 0.84}, {"falls": 0.051}, {"probes": 2}],
    saddle_point: [{"grows": 29.0}, {"flat": 50}, {"left": 0.09}],
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_not_reported(run, changes):
    assert look(run, **changes) is None


def test_a_layer_with_learning_rate_zero_is_frozen_and_not_slow():
    record = layer_rate_mismatch()
    probe(record, "update_ratio", "0.weight", 0.0)
    assert detect("layer_rate_mismatch", record) is None


def test_dead_units_without_a_known_line_are_located_at_the_model():
    record = dead_units()
    forget(record, facts.Activation)
    assert detect("dead_units", record).where.line == 5


def test_a_start_without_any_gradient_is_a_saddle_point():
    assert look(saddle_point, first=0.0).value == inf


def test_a_cost_that_rises_at_the_end_is_not_flat():
    assert look(saddle_point, cost=lambda t: 1.0 if t == 0 or t > 0.95 else 0.5) is None


@pytest.mark.parametrize(("highest", "flat"), [(1.15, True), (1.25, False), (900.0, False)])
def test_a_cost_that_has_risen_is_not_flat(highest, flat):
    assert (look(saddle_point, cost=lambda t: 1.0 if t < 0.1 else highest if t < 0.9 else 0.9) is not None) == flat


@pytest.mark.parametrize(("share", "left", "shown"), [(0.9e-4, 0.31, True), (1.1e-4, 0.31, False), (1e-9, 0.29, False)])
def test_a_recurrent_layer_with_vanishing_gradients_is_reported(share, left, shown):
    record = healthy()
    set_cost(record, settling_at(left))
    probe(record, "through_time", "rnn", share)
    observe(record, facts.Recurrent("rnn_tanh", 50), "rnn")
    symptom = detect("vanishing_gradients", record)
    assert (symptom is not None) == shown
    if symptom:
        assert symptom.module == "rnn" and "through 50 time steps" in symptom.sentence and not symptom.certain
