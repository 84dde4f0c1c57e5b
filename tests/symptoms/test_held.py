"""Modules with weights that were not loaded, or with unsuitable running statistics."""

import pytest
from records import observe
from sick_held import (
    copy_not_updated,
    lagging_statistics,
    narrow_layer,
    own_weights,
    unaveraged_buffers,
    weights_not_loaded,
    zero_input,
)
from sick_runs import RUNS, look, named, neighbours

from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import facts

# run, changes to it, is it certain?, line, part of the sentence, a consequence
SHOWN = [
    (
        weights_not_loaded,
        {},
        True,
        13,
        "the first is `fc.weight` in the module but `module.fc.weight` in the checkpoint",
        "plateau",
    ),
    (
        weights_not_loaded,
        {"prefix": "fc.", "extra": False},
        True,
        13,
        "but `weight` in the checkpoint",
        "slow_progress",
    ),
    (own_weights, {}, True, 25, "gives `target` its own 4 tensors, so the call changes nothing; `model`", "plateau"),
    (own_weights, {"step": 0}, True, 25, "`model` has tensors of the same names and shapes", "plateau"),
    (own_weights, {"source": ""}, True, 25, "so the call changes nothing", "plateau"),
    (copy_not_updated, {}, True, 30, "evaluates `average`, whose weights have followed 2% of", "overfitting"),
    (copy_not_updated, {"decay": 0.9999}, True, 8, "decay of 0.9999 is too slow for 200 steps", "overfitting"),
    (copy_not_updated, {"update": 14}, True, 14, "line 14 averages the weights of the wrong network", "overfitting"),
    (copy_not_updated, {"followed": 0.4}, False, 30, "followed 40% of the change of `model`", "overfitting"),
    (copy_not_updated, {"is_network_called": True}, False, 30, "followed 2%", "overfitting"),
    (weights_not_loaded, {"prefix": None}, True, 13, "left 4 of 4 tensors", "slow_progress"),
    (
        lagging_statistics,
        {},
        False,
        14,
        "still contain 90% of their initial values after 100 batches",
        "stopped_too_early",
    ),
    (
        unaveraged_buffers,
        {},
        False,
        12,
        "the loop in line 12 writes the parameters into a copy of the network, but not the buffers",
        "plateau",
    ),
    (zero_input, {}, True, 18, "Linear decoder.first receives only zeros", "plateau"),
    (narrow_layer, {}, False, 16, "2 hidden layers have 2 units, for inputs of 3 features", "local_optima"),
    (narrow_layer, {"inputs": 9, "units": (9, 1, 1)}, False, 17, "the hidden layer 2 has 1 unit,", "plateau"),
    (
        lagging_statistics,
        {"momentum": 0.99, "remaining": 0.0},
        False,
        14,
        "describe little more than the last batch",
        "plateau",
    ),
]


@pytest.mark.parametrize("run, changes, certain, line, says, consequence", SHOWN, ids=named)
def test_reported(run, changes, certain, line, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.certain == certain and symptom.where.line == line
    assert says in symptom.sentence and consequence in symptom.explains


LEFT_ALONE = {
    # Another call has loaded them; the load belongs to a later stage.
    weights_not_loaded: [{"missing": 0}, {"step": 200}],
    own_weights: [{"step": 0, "source": ""}],  # For example, two modules share their parameters.
    # A reference model never changes and is evaluated next to the network.
    copy_not_updated: [{"followed": 0.6}, {"followed": 0.0, "is_network_called": True}]
    + [{"is_network_called": True, "left": 0.01}],
    unaveraged_buffers: [{"left": 0.09}],
    zero_input: [{"left": 0.29}],
    narrow_layer: [{"left": 0.29}, {"units": (4, 4, 1)}, {"inputs": 9, "units": (5, 5, 2)}]
    + [{"inputs": 8, "units": (4, 2, 8)}],  # The network is an autoencoder.
    lagging_statistics: [{"remaining": 0.19}, {"momentum": 0.1}, {"momentum": 0.49, "remaining": 0.0}]
    + [{"worse": 1.4}, {"left": 0.09}, {"reason": "window"}],  # A longer run may update the statistics further.
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_not_reported(run, changes):
    assert look(run, **changes) is None


def test_the_load_that_a_renamed_prefix_fixes_is_reported():
    record = weights_not_loaded(prefix=None)
    observe(record, facts.PartlyLoaded(2, 4, "a", "x.a", prefix="x.", is_extra=True, names=2), "1")
    assert "the first is `a` in the module but `x.a` in the checkpoint" in detect("weights_not_loaded", record).sentence
