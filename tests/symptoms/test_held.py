"""What the modules hold: weights that were to be loaded, statistics that evaluation computes with."""

import pytest
from records import observe
from sick_held import lagging_statistics, narrow_layer, unaveraged_buffers, weights_not_loaded, zero_input
from sick_runs import RUNS, look, named, neighbours

from descend.doctor.canon import CANON
from descend.doctor.record import facts

# run, what is changed, a fact?, the line, what the sentence says, a consequence
SHOWN = [
    (weights_not_loaded, {}, True, 13, "calls the first `fc.weight`, the checkpoint `module.fc.weight`", "plateau"),
    (weights_not_loaded, {"prefix": "fc.", "extra": False}, True, 13, "the checkpoint `weight`", "slow_progress"),
    (weights_not_loaded, {"prefix": None}, True, 13, "left 4 of 4 tensors", "slow_progress"),
    (lagging_statistics, {}, False, 14, "are 90% what they were at first, after 100 batches", "stopped_too_early"),
    (unaveraged_buffers, {}, False, 12, "the loop in line 12 hands parameters on to a copy", "plateau"),
    (zero_input, {}, True, 18, "Linear decoder.first is fed nothing but zeros", "plateau"),
    (narrow_layer, {}, False, 16, "2 hidden layers have 2 units, for inputs of 3 features", "local_optima"),
    (narrow_layer, {"inputs": 9, "units": (9, 1, 1)}, False, 17, "the hidden layer 2 has 1 unit,", "plateau"),
    (lagging_statistics, {"momentum": 0.99, "remaining": 0.0}, False, 14, "are those of the last batch", "plateau"),
]


@pytest.mark.parametrize("run, changes, certain, line, says, consequence", SHOWN, ids=named)
def test_shown(run, changes, certain, line, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.certain == certain and symptom.where.line == line
    assert says in symptom.sentence and consequence in symptom.explains


LEFT_ALONE = {
    weights_not_loaded: [{"missing": 0}, {"step": 200}],  # another load has brought them; a later stage's
    unaveraged_buffers: [{"left": 0.09}],
    zero_input: [{"left": 0.29}],
    narrow_layer: [{"left": 0.29}, {"units": (4, 4, 1)}, {"inputs": 9, "units": (5, 5, 2)}]
    + [{"inputs": 8, "units": (4, 2, 8)}],  # an autoencoder
    lagging_statistics: [{"remaining": 0.19}, {"momentum": 0.1}, {"momentum": 0.49, "remaining": 0.0}]
    + [{"worse": 1.4}, {"left": 0.09}, {"reason": "window"}],  # a longer run may catch up
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_left_alone(run, changes):
    assert look(run, **changes) is None


def test_the_load_that_a_prefix_mends_is_meant():
    record = weights_not_loaded(prefix=None)
    observe(record, facts.LeftUnloaded(2, 4, "a", "x.a", prefix="x.", is_extra=True, names=2), "1")
    assert "calls the first `a`, the checkpoint `x.a`" in CANON["weights_not_loaded"].look(record).sentence
