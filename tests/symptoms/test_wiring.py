"""Wiring faults: each is named from what the first steps show, and what only looks like it is left alone."""

from dataclasses import replace
from math import inf, nan

import pytest
from records import (
    LINES,
    STEPS,
    WEIGHTS,
    WIRED,
    change,
    forget,
    healthy,
    observe,
    rising,
    second_optimizer,
    set_cost,
)
from sick_first_steps import wiped
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
    moved_examples,
    negated_loss,
    never_backward,
    no_gradient,
    no_step,
    no_zero_grad,
    nothing_held,
    output_before_loss,
    parameters_not_in_optimizer,
    refused_label,
    several_tags,
    target_leak,
    unpaired_targets,
)

from descend.doctor.canon import CANON
from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.record import Ending, Record, facts

BCE, LOGITS = "binary_cross_entropy", "binary_cross_entropy_with_logits"
DEFAULT_LEFT_OUT = {"held": 600, "fresh": 0.5}

# run, what is changed, a fact?, the line, what the sentence says, a consequence
SHOWN = [
    (bad_data, {}, True, 3, "3 of the inputs of step 7 are NaN (2 of 32 examples)", "instability"),
    (bad_data, {"nan": 0}, True, 3, "are infinite", "exploding_gradients"),
    (
        bad_data,
        {"nan": 1, "where": "targets"},
        True,
        3,
        "3 of the targets of step 7 are NaN or inf",
        "instability",
    ),
    (no_step, {}, True, 24, "3 backward passes and not one optimizer step", "slow_progress"),
    (never_backward, {}, True, 25, "`loss` is computed, and its gradient never", "slow_progress"),
    (never_backward, {"name": None}, True, 25, "first 3 steps of `optimizer`: none of its 6 parameters", "plateau"),
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
    (no_gradient, {}, True, 24, "none of the 6 parameters of `optimizer` receives a gradient", "vanishing_gradients"),
    (detached, {}, True, 18, "(0.weight) receive no gradient", "slow_progress"),
    (frozen, {}, False, 5, "75% of the network never learns", "plateau"),
    (incorrect_gradients, {}, True, 40, "by 0.0011 of itself (bound 0.001)", "instability"),
    (incorrect_gradients, {"Cube": 0.5}, True, 41, "the backward of Cube is wrong", "slow_progress"),
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
        "has a lower bound and no upper one",
        "instability",
    ),
    (negated_loss, {}, True, 22, "it falls (2.3 → -18.4) as the predictions get worse", "instability"),
    (no_zero_grad, {}, True, 24, "in each of the first 3 steps", "instability"),
    (constant_labels, {}, True, 22, "all 32 labels that were looked at are 3", "slow_progress"),
    (labels_out_of_range, {}, True, 22, "from -1 to 1: the loss is defined for [0, 1]", "plateau"),
    (labels_out_of_range, {"low": 1.0, "high": 2.0}, True, 22, "from 1 to 2", "instability"),
    (refused_label, {}, True, 22, "refuses a label: IndexError: Target 10 is out of bounds", "slow_progress"),
    (broadcasting, {}, True, 21, "(32, 1) and targets of shape (32,) broadcast to (32, 32)", "targets_not_scaled"),
    (broadcasting, {"std": float("nan")}, True, 21, "every prediction is compared with every target", "slow_progress"),
    (examples_mixed, {}, False, 8, "for 50% of the others change: the layer reads the batch as", "vanishing_gradients"),
    (examples_mixed, {"by": "reshape"}, False, 8, "transpose(0, 1) exchanges", "no_signal"),
    (degenerate_normalisation, {}, False, 8, "shape (32, 20, 1) is taken over a single entry", "vanishing_gradients"),
    (degenerate_normalisation, {"function": "layer_norm"}, False, 8, "is its bias alone", "slow_progress"),
    (all_masked, {}, True, 15, "softmax is taken over rows in which every entry is masked (-inf)", "dead_units"),
    (divergence, {}, True, 16, "receives probabilities (0.01 to 0.93)", "slow_progress"),
    (examples_mixed, {"by": "softmax"}, False, 8, "the softmax is taken along the batch", "no_signal"),
    (dimensions_exchanged, {}, False, 8, "makes (32, 26, 50) of (32, 50, 26)", "slow_progress"),
    (constant_term, {}, True, 16, "without create_graph=True", "slow_progress"),
    (infinite_gradient, {}, False, 17, "sqrt has an infinite derivative at 0", "instability"),
    (target_leak, {}, True, 8, "each target is the next element of the inputs", "stopped_too_early"),
    (unpaired_targets, {}, False, 6, "both shuffle independently", "no_signal"),
    (moved_examples, {}, True, 14, "roll with dims=(0, 1) moves examples along axis 0", "no_signal"),
    (unpaired_targets, {"shuffles": (True, False)}, False, 6, "one of them shuffles", "plateau"),
    (several_tags, {}, True, 7, "softmax probabilities, which sum to 1", "slow_progress"),
    (log_of_negatives, {}, True, 15, "log receives values from -1.7 to 2, and is not defined for all", "instability"),
    (eval_mode, {}, True, 20, "3 is in evaluation mode while training since step 20", "instability"),
    (eval_mode, {"since": 0, "unfit": True}, True, 20, "3 normalises by running statistics", "bad_initialisation"),
]


@pytest.mark.parametrize("run, changes, certain, line, says, consequence", SHOWN, ids=named)
def test_shown(run, changes, certain, line, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.kind == "wiring"
    assert symptom.certain == certain and symptom.where.line == line
    assert says in symptom.sentence and consequence in symptom.explains


LEFT_ALONE = {
    no_step: [{"passes": 2}, {"steps": 1, "passes": 300}, {"by_hand": True}],
    # a pretrained backbone is left out on purpose, and who trains well with fresh layers left out may
    parameters_not_in_optimizer: [{"fresh": 0.49}, {"left": 0.29}, {"count": 0}],
    never_backward: [{"steps": 2}, {"with_gradient": 1}],
    nothing_held: [{"with_gradient": 1}, {"unheld": 0}],
    no_gradient: [{"steps": 2}, {"with_gradient": 1}, {"unheld": 1}],
    detached: [{"fresh": 0.49}, {"optimizers": 2}],  # a GAN's discriminator step cuts the generator off
    frozen: [{"fresh": 0.49}, {"left": 0.29}],  # a pretrained backbone; an average of the network's own past
    incorrect_gradients: [{"error": 0.9e-3}, {"error": 0.0}, {"error": float("nan")}],
    negated_loss: [
        {"slope": 1.0},
        {"slope": 0.0},
        {"slope": float("nan")},
        {"maximize": True},
        {"maximize": True, "slope": 0.0},  # a log-likelihood
        {"maximize": True, "slope": 0.0, "of_cost": False},
        {"reversed": True},  # log-likelihood, and gradients whose sign is turned
        {"optimizers": 2},
        {"optimizers": 2, "maximize": True, "slope": 1.0},
    ],
    no_zero_grad: [{"steps": 2}, {"cleared_at": 2}, {"with_gradient": 0}],  # accumulation clears once in a while
    constant_labels: [{"labels": 31}, {"later": "4"}, {"task": "real", "function": "mse_loss"}, {"constant": 0.5}],
    labels_out_of_range: [{"low": 0.0}, {"task": "real"}],
    refused_label: [{"error": "IndexError: list index out of range"}, {"error": ""}],
    broadcasting: [{"pair": None}],
    log_of_negatives: [{"function": "exp", "is_partial": False}],
    examples_mixed: [{"share": 0.0}, {"by": ""}, {"left": 0.09}],  # a graph's nodes see each other on purpose
    all_masked: [{"is_masked": False}],
    degenerate_normalisation: [{"left": 0.09}, {"line": 9}],  # of the output another symptom speaks
    dimensions_exchanged: [{"left": 0.09}],
    infinite_gradient: [{"risen": 2.0}, {"function": ""}],  # who runs away by the step needs no zero
    target_leak: [{"sees": False}],
    moved_examples: [{"left": 0.29}],
    unpaired_targets: [{"left": 0.29}, {"shuffles": (False, False)}],
    several_tags: [{"floor": 0.005}, {"activation": "sigmoid"}],  # one at a time, smoothed
    # normalisation of a pretrained part is fixed from the start; a validation pass comes back
    eval_mode: [{"since": 0}, {"until": 100}, {"since": STEPS}, {"since": 0, "until": 1}],
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_left_alone(run, changes):
    assert look(run, **changes) is None


def test_sorted_labels_are_not_constant_ones():
    record = constant_labels(later="4")  # the fixed examples come from the first class alone
    for step, label in enumerate("5678"):
        observe(record, facts.Batch(16, labels={label: 16}), "", 20 + step)
    assert [s.id for s in diagnose(record) if s.certain] == ["unshuffled_data"]
    assert [s.id for s in diagnose(constant_labels(labels=256))] == ["labels_wrong"]


def test_data_that_are_not_finite_are_the_cause_and_a_loss_that_diverges_is_not():
    assert [s.id for s in diagnose(bad_data())] == ["bad_data", "instability"]
    record = bad_data()
    forget(record, facts.BadData)
    assert [s.id for s in diagnose(record)] == ["instability"]


def test_a_script_that_failed_before_its_first_accumulated_step():
    record = no_step(passes=5)
    record.ending = Ending("failed", 1, 0, error="RuntimeError: the disk is full")
    assert CANON["no_step"].look(record) is None


def test_a_pretrained_backbone_left_out_beside_a_loose_parameter_that_is_held():
    record = parameters_not_in_optimizer(fresh=0.0, left=0.01)
    change(record, facts.Connections, unregistered=1)  # a learned temperature, in the optimizer; of no module
    assert CANON["parameters_not_in_optimizer"].look(record) is None


def test_a_generator_whose_labels_are_all_one_is_no_fault():
    record = constant_labels()
    second_optimizer(record, [2.3] * STEPS)
    assert CANON["labels_wrong"].look(record) is None


def test_the_label_that_is_out_of_range_is_the_number():
    for changes, number in (({}, (-1.0, 0.0)), ({"low": 0.0, "high": 2.0}, (2.0, 1.0))):
        symptom = look(labels_out_of_range, **changes)
        assert (symptom.value, symptom.bound) == number


@pytest.mark.parametrize("lost", [nan, inf])
def test_targets_that_are_not_finite_are_bad_data_and_not_out_of_reach(lost):
    record = output_before_loss(function="mse_loss", activation="sigmoid", low=0.0, high=1.0)
    change(record, facts.Targets, min=lost, max=lost, std=nan, mean=lost, median=lost, deviation=nan, finite=False)
    assert CANON["output_loss_mismatch"].look(record) is None


def test_no_zero_grad_names_the_optimizer_that_it_concerns():
    record = healthy()
    second_optimizer(record, [2.3] * STEPS)
    for step in range(6):
        observe(record, replace(WIRED, gradients_cleared=False), "1", step)
    assert CANON["no_zero_grad"].look(record).optimizer == "1"


def gan() -> Record:
    """Two optimizers against each other: the loss rises, and each step cuts off the other's network."""
    record = healthy(**{"rule": "Adam", "lr": 2e-4, "betas": (0.5, 0.999)})
    set_cost(record, rising)
    second_optimizer(record, [1.0 + step / 100 for step in range(STEPS)], **{"rule": "Adam", "lr": 2e-4})
    change(record, facts.Connections, cut=WEIGHTS, cut_count=3, cut_share_fresh=1.0, cut_numel=900, slope=-1.0)
    return record


def test_two_networks_that_play_against_each_other_are_wired_well():
    assert [s.id for s in diagnose(gan()) if s.kind == "wiring"] == []


@pytest.mark.parametrize(("until", "since", "shown"), [(1, 0, False), (5, 0, False), (6, 0, True), (6, 1, True)])
def test_gradients_that_are_gone_before_every_step(until, since, shown):
    symptom = CANON["no_step"].look(wiped(until, since))
    assert (symptom is not None) == shown
    if symptom:
        assert symptom.certain and symptom.where.line == LINES["step"] and "cleared before step()" in symptom.sentence


@pytest.mark.parametrize(("steps", "shown"), [((120, 160), True), ((120,), False), ((0, 120), False)])
def test_a_network_that_was_replaced_under_its_optimizer(steps, shown):
    record = healthy()
    for step in steps:
        observe(record, facts.Lost(8), "0", step)
    symptom = CANON["parameters_not_in_optimizer"].look(record)
    assert (symptom is not None) == shown
    if symptom:
        assert symptom.certain and "from step 120 on" in symptom.sentence
    second_optimizer(record, [1.0] * 9)
    assert CANON["parameters_not_in_optimizer"].look(record) is None  # the other one may hold them


def test_steps_by_hand_leave_no_parameter_out():
    record = healthy(by_hand=True)
    change(record, facts.Connections, untrained=("w",), untrained_count=1, untrained_numel=9, held=0)
    assert CANON["parameters_not_in_optimizer"].look(record) is None


@pytest.mark.parametrize("low, high, shown", [(1.0, 2.0, True), (0.0, 1.0, True), (1.0, 1.0, False)])
def test_targets_that_are_no_distribution(low, high, shown):
    record = healthy()
    change(record, facts.Targets, row_sum_min=low, row_sum_max=high)
    found = CANON["labels_wrong"].look(record)
    assert (found is not None) == shown


def test_numbers_of_classes_under_a_binary_loss():
    record = healthy()
    change(record, facts.LossInput, function=BCE, task="binary")
    change(record, facts.Targets, min=0.0, max=9.0, whole_values=10)
    assert [s.id for s in diagnose(record)][:1] == ["output_loss_mismatch"]
    change(record, facts.Targets, min=1.0, max=2.0, whole_values=2)
    assert [s.id for s in diagnose(record)][:1] == ["labels_wrong"]


@pytest.mark.parametrize("behind, shown", [((("gru.w",),) * 6, True), ((("gru.w",),) * 5 + ((),), False)])
def test_weights_in_use_that_no_gradient_reaches(behind, shown):
    record = healthy()
    forget(record, facts.Wiring)
    for step, names in enumerate(behind):
        observe(record, replace(WIRED, unreached=names), "0", step)
    symptom = CANON["frozen_or_detached"].look(record)
    assert (symptom is not None) == shown
    if symptom:
        assert symptom.certain and "gru.w is used" in symptom.sentence


def test_what_is_computed_without_gradients_may_be_meant_so():
    record = detached()
    assert CANON["frozen_or_detached"].look(record).certain
    change(record, facts.Connections, cut_on_purpose=True)
    assert not CANON["frozen_or_detached"].look(record).certain
