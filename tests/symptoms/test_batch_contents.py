"""Batches that are put together or read wrongly: each is reported, and runs that only look like it are not."""

import pytest
from records import set_cost
from sick_batches import (
    different_rows,
    examples_not_drawn,
    few_rows,
    ignored_class,
    inverted_weights,
    left_loop,
    moved_examples,
    order_dependence,
    shifted_twice,
    short_length,
    stored_examples_changed,
)
from sick_runs import RUNS, look, named, neighbours
from sick_wiring import examples_mixed

from descend.doctor.catalog.diagnosis import detect

# run, changes to it, is it certain?, line, part of the sentence, a consequence
SHOWN = [
    (order_dependence, {}, True, 14, "the layer treats the batch dimension as time", "vanishing_gradients"),
    (order_dependence, {"by": "reshape"}, True, 14, "lstm turns shape (32, 20, 3) into (20, 32, 3)", "no_signal"),
    (order_dependence, {"by": "gather"}, True, 14, "lstm selects along the batch dimension", "no_signal"),
    (order_dependence, {"by": "positions"}, True, 14, "treated in its own way", "no_signal"),
    (order_dependence, {"by": "reorder"}, False, 14, "each example is combined with another one", "no_signal"),
    (order_dependence, {"by": "pairs"}, False, 14, "the index of each example is applied to all examples", "no_signal"),
    (left_loop, {}, False, 27, "ends the loop in line 20 in its first iteration", "stopped_too_early"),
    (short_length, {}, False, 6, "is 80, but its `images` has 4,000 entries", "overfitting"),
    (moved_examples, {}, True, 14, "roll reorders the examples along the batch dimension (dims=(0, 1))", "no_signal"),
    (few_rows, {}, False, 9, "take 512 rows of a tensor with 4,400 rows by a random index, but only 64", "overfitting"),
    (inverted_weights, {}, False, 17, "0.9 to the most frequent one (270 targets), 0.03 to the rarest", "unreadable"),
    (inverted_weights, {"argument": "sampler"}, False, 3, "the sampler gives larger weights to frequent", "plateau"),
    (ignored_class, {}, False, 17, "ignores class 0 (ignore_index): 30 of 280 targets", "wrong_objective"),
    (different_rows, {}, True, 11, "rows 918, 407, 269, … of a tensor with 1,257 rows, but the targets", "no_signal"),
    (different_rows, {"is_target": False}, True, 11, "but the other values are rows 0, 1, 2, …", "no_signal"),
    (shifted_twice, {}, False, 12, "is the input token 2 positions later", "no_signal"),
    (stored_examples_changed, {}, False, 8, "15 of 15 rows of the data set's `images` changed", "overfitting"),
    (stored_examples_changed, {"array": ""}, False, 8, "15 of 15 rows of a stored tensor changed", "no_signal"),
    (examples_not_drawn, {}, False, 3, "only 10 different ones of 1,000", "overfitting"),
    (examples_not_drawn, {"empty": 3, "passes": 1}, True, 9, "training ends after 1 pass", "stopped_too_early"),
]


@pytest.mark.parametrize("run, changes, certain, line, says, consequence", SHOWN, ids=named)
def test_reported(run, changes, certain, line, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.kind == "wiring"
    assert symptom.certain == certain and symptom.where.line == line
    assert says in symptom.sentence and consequence in symptom.explains


LEFT_ALONE = {
    order_dependence: [{"by": "positions", "left": 0.09}, {"in_network": False}],
    moved_examples: [{"left": 0.29}],
    # Windows of a series need more entries than there are windows.
    short_length: [{"entries": 159}],
    # Few draws repeat rows by chance, and a part of the rows may be enough.
    few_rows: [{"distinct": 500}, {"distinct": 15, "draws": 16}, {"of": 200}, {"of": 10**6, "distinct": 511}],
    # Weights against rare classes, equal ones, and too few targets to know which class is rare.
    inverted_weights: [
        {"weights": (0.03, 0.07, 0.9)},
        {"weights": (1, 1, 1)},
        {"counts": (5, 2, 1)},
        {"counts": (0, 0, 0)},
        {"weights": (0, 0, 0)},
    ],
    # Padding comes in runs, and few targets show no order.
    ignored_class: [{"following": 25}, {"ignored": 9, "following": 0}, {"ignored": 280, "following": 279}],
    # The sampler may draw from a subset on purpose, and half of a data set may be rare.
    examples_not_drawn: [{"promised": 10}, {"distinct": 300}, {"draws": 40}, {"distinct": 1000, "empty": 1}],
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_not_reported(run, changes):
    assert look(run, **changes) is None


@pytest.mark.parametrize("by", ["recurrence", "attention", "reshape"])
def test_a_run_that_has_learned_leaves_it_to_a_trial_whether_the_batch_is_one_sequence(by):
    found = look(order_dependence, by=by, left=0.09)
    assert found.certainty == "suspected" and found.where.line == 14


def test_a_loss_below_zero_does_not_show_that_the_run_has_learned():
    certain, possible = order_dependence("gather"), examples_mixed(by="softmax")
    for record in (certain, possible):
        set_cost(record, lambda t: 1 - 2 * t)
    assert "selects along the batch" in detect("examples_mixed", certain).sentence
    assert detect("examples_mixed", possible) is None
