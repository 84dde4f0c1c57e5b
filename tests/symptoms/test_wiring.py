"""Wiring faults: each is reported from the first steps, and runs that only look like it are not."""

from math import inf, nan

import pytest
from records import STEPS, change, forget, healthy, observe, second_optimizer
from sick_first_steps import (
    clipped_after_step,
    cut_by_checkpoint,
    former_parameters,
    gradients_lost,
    never_backward,
    no_gradient,
    no_step,
    no_zero_grad,
)
from sick_runs import RUNS, look, named, neighbours
from sick_wiring import (
    all_masked,
    bad_data,
    broadcasting,
    constant_labels,
    constant_term,
    degenerate_normalisation,
    detached,
    dimensions_exchanged,
    divergence,
    eval_mode,
    examples_mixed,
    frozen,
    incorrect_gradients,
    infinite_gradient,
    labels_out_of_range,
    log_of_negatives,
    made_in_forward,
    negated_loss,
    nothing_held,
    output_before_loss,
    parameters_not_in_optimizer,
    refused_label,
    several_tags,
    target_leak,
    unpaired_targets,
)

from descend.doctor.catalog.diagnosis import detect, diagnose
from descend.doctor.record import Ending, facts

BCE, LOGITS = "binary_cross_entropy", "binary_cross_entropy_with_logits"
DEFAULT_LEFT_OUT = {"held": 600, "fresh": 0.5}

# run, changes to it, is it certain?, line, part of the sentence, a consequence
SHOWN = [
    (bad_data, {}, True, 3, "3 of the inputs in step 7 are NaN (2 of 32 examples)", "instability"),
    (bad_data, {"nan": 0}, True, 3, "are infinite", "exploding_gradients"),
    (bad_data, {"nan": 1, "where": "targets"}, True, 3, "3 of the targets in step 7 are NaN or inf", "instability"),
    (no_step, {}, True, 24, "3 backward passes but no optimizer step", "slow_progress"),
    (never_backward, {}, True, 25, "`loss` is computed, but its gradient is not", "slow_progress"),
    (never_backward, {"name": None}, True, 25, "first 3 steps of `optimizer`. Its 6 parameters", "plateau"),
    (parameters_not_in_optimizer, {}, False, 10, "2 parameters (0.weight, 2.weight)", "frozen_or_detached"),
    (parameters_not_in_optimizer, {"held": 0, "left": 0.0}, True, 10, "holds none of the 2", "slow_progress"),
    (parameters_not_in_optimizer, {"unregistered": 2, "left": 0.0}, True, 10, "2 parameters", "plateau"),
    (
        parameters_not_in_optimizer,
        {"fresh": 0.0, "output": True},
        False,
        10,
        "the output layer keeps its random",
        "plateau",
    ),
    (parameters_not_in_optimizer, {"fresh": 0.0, "empty": 1}, False, 10, "one of its groups is empty", "instability"),
    (nothing_held, {}, True, 10, "none of the network's parameters (0.weight, 2.weight, 4.weight", "dead_units"),
    (made_in_forward, {}, True, 12, "creates new layers (Linear in line 12, Linear in line 14)", "slow_progress"),
    (former_parameters, {}, True, 10, "0.weight, 2.weight were replaced after the optimizer was created", "plateau"),
    (clipped_after_step, {}, True, 23, "in each of the first 4 steps, the gradients are clipped after", "instability"),
    (no_gradient, {}, True, 24, "none of the 6 parameters of `optimizer` receives a gradient", "vanishing_gradients"),
    (detached, {}, True, 18, "(0.weight) receive no gradient", "slow_progress"),
    (frozen, {}, False, 5, "75% of the network never learns", "plateau"),
    (incorrect_gradients, {}, True, 40, "by a relative error of 0.0011 (limit: 0.001)", "instability"),
    (incorrect_gradients, {"Cube": 0.5}, True, 41, "the backward pass of Cube is wrong", "slow_progress"),
    (
        negated_loss,
        {"maximize": True, "slope": 1.0},
        True,
        10,
        "maximises (maximize=True) a loss that grows",
        "instability",
    ),
    (
        negated_loss,
        {"maximize": True, "slope": 0.0, "of_cost": True},
        True,
        10,
        "is bounded below but not above",
        "instability",
    ),
    (negated_loss, {}, True, 22, "it falls (2.3 → -18.4) as the predictions get worse", "instability"),
    (gradients_lost, {}, False, 24, "the gradients of 3 of 4 backward passes", "fluctuations"),
    (no_zero_grad, {}, True, 24, "in each of the first 3 steps", "instability"),
    (constant_labels, {}, True, 22, "all 32 labels in the recorded batches are 3", "slow_progress"),
    (labels_out_of_range, {}, True, 22, "from -1 to 1, but the loss is defined for [0, 1]", "plateau"),
    (labels_out_of_range, {"low": 1.0, "high": 2.0}, True, 22, "from 1 to 2", "instability"),
    (refused_label, {}, True, 22, "does not accept a label: IndexError: Target 10 is out of bounds", "slow_progress"),
    (broadcasting, {}, True, 21, "(32, 1) and targets of shape (32,) broadcast to (32, 32)", "targets_not_scaled"),
    (broadcasting, {"std": float("nan")}, True, 21, "each prediction is compared with every target", "slow_progress"),
    (
        examples_mixed,
        {},
        False,
        8,
        "of 50% of the others: the examples of a batch attend to each other",
        "vanishing_gradients",
    ),
    (degenerate_normalisation, {}, False, 8, "shape (32, 20, 1) normalises over a single entry", "vanishing_gradients"),
    (degenerate_normalisation, {"function": "layer_norm"}, False, 8, "is its bias alone", "slow_progress"),
    (all_masked, {}, True, 15, "softmax is taken over rows in which every entry is masked (-inf)", "dead_units"),
    (divergence, {}, True, 16, "receives probabilities (0.01 to 0.93)", "slow_progress"),
    (examples_mixed, {"by": "softmax"}, False, 8, "the softmax normalises along the batch", "no_signal"),
    (dimensions_exchanged, {}, False, 8, "turns shape (32, 50, 26) into (32, 26, 50)", "slow_progress"),
    (constant_term, {}, True, 16, "without create_graph=True", "slow_progress"),
    (infinite_gradient, {}, False, 17, "sqrt has an infinite derivative at 0", "instability"),
    (target_leak, {}, True, 8, "each target is the next element of the input sequence", "stopped_too_early"),
    (unpaired_targets, {}, False, 6, "both shuffle independently", "no_signal"),
    (cut_by_checkpoint, {}, True, 19, "so 6 parameters inside it receive no gradient", "plateau"),
    (cut_by_checkpoint, {"parameters": 0}, True, 19, "so the parameters inside it receive no gradient", "plateau"),
    (unpaired_targets, {"shuffles": (True, False)}, False, 6, "one of them shuffles", "plateau"),
    (several_tags, {}, True, 7, "softmax probabilities, which sum to 1", "slow_progress"),
    (
        log_of_negatives,
        {},
        True,
        15,
        "log receives values from -1.7 to 2, but it is not defined for all",
        "instability",
    ),
    (eval_mode, {}, True, 20, "3 is in evaluation mode during training since step 20", "instability"),
    (eval_mode, {"since": 0, "unfit": True}, True, 20, "3 normalises with running statistics", "bad_initialisation"),
]


@pytest.mark.parametrize("run, changes, certain, line, says, consequence", SHOWN, ids=named)
def test_reported(run, changes, certain, line, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.kind == "wiring"
    assert symptom.certain == certain and symptom.where.line == line
    assert says in symptom.sentence and consequence in symptom.explains


LEFT_ALONE = {
    no_step: [{"passes": 2}, {"steps": 1, "passes": 300}, {"by_hand": True}],
    # A pretrained backbone is left out on purpose, and so are fresh layers if the run trains well without them.
    parameters_not_in_optimizer: [{"fresh": 0.49}, {"left": 0.29}, {"count": 0}],
    never_backward: [{"steps": 2}, {"with_gradient": 1}],
    nothing_held: [{"with_gradient": 1}, {"unheld": 0}],
    no_gradient: [{"steps": 2}, {"with_gradient": 1}, {"unheld": 1}],
    detached: [{"fresh": 0.49}, {"optimizers": 2}],  # The discriminator step of a GAN detaches the generator.
    frozen: [{"fresh": 0.49}, {"left": 0.29}],  # a pretrained backbone; an average of earlier weights
    incorrect_gradients: [{"error": 0.9e-3}, {"error": 0.0}, {"error": float("nan")}],
    negated_loss: [
        {"slope": 1.0},
        {"slope": 0.0},
        {"slope": float("nan")},
        {"maximize": True},
        {"maximize": True, "slope": 0.0},  # The loss is a log-likelihood.
        {"maximize": True, "slope": 0.0, "of_cost": False},
        {"reversed": True},  # The loss is a log-likelihood, and the script reverses the gradients.
        {"optimizers": 2},
        {"optimizers": 2, "maximize": True, "slope": 1.0},
    ],
    # Gradient accumulation clears only in some steps.
    no_zero_grad: [{"steps": 2}, {"cleared_at": 2}, {"with_gradient": 0}],
    gradients_lost: [{"steps": 2}, {"lost": 0}],
    constant_labels: [{"labels": 31}, {"later": "4"}, {"task": "real", "function": "mse_loss"}, {"constant": 0.5}],
    labels_out_of_range: [{"low": 0.0}, {"task": "real"}],
    refused_label: [{"error": "IndexError: list index out of range"}, {"error": ""}],
    broadcasting: [{"pair": None}],
    log_of_negatives: [{"function": "exp", "is_partial": False}],
    # The nodes of a graph depend on each other on purpose.
    examples_mixed: [{"share": 0.0}, {"by": ""}, {"left": 0.09}],
    all_masked: [{"is_masked": False}],
    degenerate_normalisation: [{"left": 0.09}, {"line": 9}],  # `output_loss_mismatch` reports the output layer.
    dimensions_exchanged: [{"left": 0.09}],
    infinite_gradient: [{"risen": 2.0}, {"function": ""}],  # If the loss rises first, the step length explains the NaN.
    target_leak: [{"sees": False}],
    former_parameters: [{"names": ()}],
    clipped_after_step: [{"calls": 2}],
    unpaired_targets: [{"left": 0.29}, {"shuffles": (False, False)}],
    several_tags: [{"floor": 0.005}, {"activation": "sigmoid"}],  # Each example has one label, with label smoothing.
    # A pretrained part may normalise in evaluation mode from the start; after a validation pass, training mode returns.
    eval_mode: [{"since": 0}, {"until": 100}, {"since": STEPS}, {"since": 0, "until": 1}],
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_not_reported(run, changes):
    assert look(run, **changes) is None


def test_sorted_labels_are_not_reported_as_constant():
    record = constant_labels(later="4")  # All fixed examples belong to the first class.
    for step, label in enumerate("5678"):
        observe(record, facts.Batch(16, labels={label: 16}), "", 20 + step)
    assert [s.id for s in diagnose(record) if s.certain] == ["unshuffled_data"]
    assert [s.id for s in diagnose(constant_labels(labels=256))] == ["labels_wrong"]


def test_bad_data_are_reported_but_not_for_a_loss_that_only_diverges():
    assert [s.id for s in diagnose(bad_data())] == ["bad_data", "instability"]
    record = bad_data()
    forget(record, facts.BadData)
    assert [s.id for s in diagnose(record)] == ["instability"]


def test_a_script_that_fails_before_its_first_step_is_not_reported():
    record = no_step(passes=5)
    record.ending = Ending("failed", 1, 0, error="RuntimeError: the disk is full")
    assert detect("no_step", record) is None


def test_a_pretrained_backbone_may_be_left_out():
    record = parameters_not_in_optimizer(fresh=0.0, left=0.01)
    change(record, facts.Connections, unregistered=1)  # a learned temperature that is in the optimizer but in no module
    assert detect("parameters_not_in_optimizer", record) is None


def test_constant_labels_of_a_generator_are_not_reported():
    record = constant_labels()
    second_optimizer(record, [2.3] * STEPS)
    assert detect("labels_wrong", record) is None


def test_the_measured_value_is_the_label_outside_the_range():
    for changes, number in (({}, (-1.0, 0.0)), ({"low": 0.0, "high": 2.0}, (2.0, 1.0))):
        symptom = look(labels_out_of_range, **changes)
        assert (symptom.value, symptom.bound) == number


@pytest.mark.parametrize("lost", [nan, inf])
def test_infinite_targets_are_not_reported_as_out_of_range(lost):
    record = output_before_loss(function="mse_loss", activation="sigmoid", low=0.0, high=1.0)
    change(record, facts.Targets, min=lost, max=lost, std=nan, mean=lost, median=lost, deviation=nan, finite=False)
    assert detect("output_loss_mismatch", record) is None


@pytest.mark.parametrize("low, high, shown", [(1.0, 2.0, True), (0.0, 1.0, True), (1.0, 1.0, False)])
def test_targets_that_are_not_a_distribution_are_reported(low, high, shown):
    record = healthy()
    change(record, facts.Targets, row_sum_min=low, row_sum_max=high)
    found = detect("labels_wrong", record)
    assert (found is not None) == shown


def test_class_indices_with_a_binary_loss_are_reported():
    record = healthy()
    change(record, facts.LossInput, function=BCE, task="binary")
    change(record, facts.Targets, min=0.0, max=9.0, whole_values=10)
    assert [s.id for s in diagnose(record)][:1] == ["output_loss_mismatch"]
    change(record, facts.Targets, min=1.0, max=2.0, whole_values=2)
    assert [s.id for s in diagnose(record)][:1] == ["labels_wrong"]
