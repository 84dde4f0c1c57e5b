"""Data, losses and initial weights: each fault is reported if it harms the training, and only then."""

from math import inf

import pytest
from records import add_site, change, falling_to, forget, probe, rising, set_series
from sick_runs import RUNS, look, named, neighbours
from sick_statics import (
    bad_initialisation,
    correlated_inputs,
    inputs_not_normalised,
    mixed_reductions,
    no_nonlinearity,
    no_signal,
    outliers,
    saturated_units,
    strong_decay,
    strong_dropout,
    strong_penalty,
    sum_reduction,
    symmetric_units,
    targets_not_scaled,
    unshuffled_data,
)

from descend.doctor.assess.symptom import unexplained_symptoms
from descend.doctor.catalog.diagnosis import detect, diagnose
from descend.doctor.record import Reading, facts

ADAM = {"rule": "Adam", "lr": 1e-3, "betas": (0.9, 0.999)}
ADAMW = {"rule": "AdamW", "lr": 1e-3, "betas": (0.9, 0.999)}
NORMALISED = ("batch_norm", "layer_norm", "instance_norm", "group_norm", "rms_norm")

# run, changes to it, is it certain?, line, part of the sentence, a consequence
SHOWN = [
    (symmetric_units, {}, True, 5, "50% of the units of 2.weight", "saddle_point"),
    (no_nonlinearity, {}, False, 5, "2 layers have no nonlinearity between them", "slow_progress"),
    (mixed_reductions, {}, False, 17, "a sum over the 64 examples", "plateau"),
    (mixed_reductions, {"over_batch": False, "left": 0.91}, False, 17, "has 784 times the weight", "plateau"),
    (
        mixed_reductions,
        {"over_batch": False, "spread": 0.09, "own": 8},
        False,
        17,
        "it has 98 times the weight",
        "plateau",
    ),
    (mixed_reductions, {"over_batch": False, "spread": 0.09}, False, 17, "has 784 times the weight", "plateau"),
    (sum_reduction, {}, False, 8, "a sum of 8 terms", "instability"),
    (sum_reduction, {"shape": [4, 3], "cost": falling_to(0.31)}, False, 8, "12 times those of the mean", "oscillation"),
    (
        targets_not_scaled,
        {},
        False,
        22,
        "mean 10 and standard deviation 1. Their root mean square is 10",
        "exploding_gradients",
    ),
    (targets_not_scaled, {"mean": 0.0, "std": 0.099}, False, 22, "root mean square is 0.099", "slow_progress"),
    (inputs_not_normalised, {}, False, 3, "condition number is 100 times that", "instability"),
    (
        inputs_not_normalised,
        {"rms": 0.099},
        False,
        3,
        "range from 0.1 to 6.5; the largest root mean square is 0.099",
        "dead_units",
    ),
    (
        inputs_not_normalised,
        {"std": [0.03, 0.032]},
        False,
        3,
        "are all about 0.032, while the bias has the constant input 1",
        "dead_units",
    ),
    (
        inputs_not_normalised,
        {"mean": [0, 65.1, 0]},
        False,
        3,
        "from 0.1 to 6.5, and their means are up to 10 standard deviations from zero",
        "plateau",
    ),
    (saturated_units, {}, False, 5, "50% of the outputs of 1 are in the flat range of tanh", "vanishing_gradients"),
    (bad_initialisation, {}, False, 5, "from 0.5 (1) to 0.016 (5)", "vanishing_gradients"),
    (bad_initialisation, {"scales": [0.5, 15.6]}, False, 5, "from 0.5 (1) to 16 (3)", "exploding_gradients"),
    (bad_initialisation, {"scales": [0.0099]}, False, 5, "to 0.0099 (1)", "plateau"),
    (bad_initialisation, {"scales": [50.0, 101.0]}, False, 5, "to 1e+02 (3)", "instability"),
    (no_signal, {}, True, 3, "11% of 200 shuffled copies of the targets", "slow_progress"),
    (
        no_signal,
        {"left": 0.01, "evaluations": [1.1, 0.91, 3.0]},
        True,
        3,
        "only other data can help",
        "overfitting",
    ),
    (
        no_signal,
        {"met": "loss", "answers": 2.9},
        True,
        22,
        "finds 80% of artificial dependences that explain 50% of the loss",
        "overfitting",
    ),
    (no_signal, {"answers": None}, False, 3, "(limit: 5%; 100 examples)", "overfitting"),
    # The network has memorised the examples.
    (no_signal, {"answers": 9.0, "again": 1}, True, 3, "(limit: 5%; 100 examples)", "overfitting"),
    (outliers, {}, True, 22, "51 median absolute deviations from the median (limit: 50)", "targets_not_scaled"),
    (
        unshuffled_data,
        {},
        True,
        3,
        "their entropy is 0.69 nats within a batch and 2.1 nats over 4 batches",
        "oscillation",
    ),
    (strong_decay, {}, False, 10, "weight decay of 0.03 (usual: 1e-4)", "slow_progress"),
    (strong_decay, {"decay": 0.5, **ADAMW}, False, 10, "weight decay of 0.5 (usual: 0.01)", "plateau"),
    (strong_decay, {"decay": 0.5, "decoupled_weight_decay": True, **ADAM}, False, 10, "(usual: 0.01)", "plateau"),
    (strong_penalty, {}, False, 22, "51% of the loss is a penalty", "dead_units"),
    (correlated_inputs, {"rms": 4.9}, False, 3, "condition number of their second-moment matrix", "slow_progress"),
    (correlated_inputs, {"rms": 0.21}, False, 3, "condition number of their second-moment matrix", "plateau"),
    (
        correlated_inputs,
        {},
        False,
        3,
        "condition number of their second-moment matrix is 1,001",
        "ill_conditioned_curvature",
    ),
]


@pytest.mark.parametrize("run, changes, certain, line, says, consequence", SHOWN, ids=named)
def test_reported(run, changes, certain, line, says, consequence):
    symptom = look(run, **changes)
    assert symptom.id == RUNS[run] and symptom.kind == "statics"
    assert symptom.certain == certain and symptom.where.line == line
    assert says in symptom.sentence and consequence in symptom.explains


LEFT_ALONE = {
    # a linear model; an empty network; a run that learns well
    no_nonlinearity: [{"layers": 1}, {"layers": 0}, {"left": 0.29}],
    symmetric_units: [{"share": 0.49}, {"until": 1}],
    mixed_reductions: [{"left": 0.09}, {"seen": False}, {"over_batch": False, "spread": 0.11}],
    sum_reduction: [
        {"reduction": "mean"},
        {"shape": [7]},
        {"cost": falling_to(0.29)},
        {"by_hand": True, "reduction": "mean"},
    ]
    + [ADAM],  # An adaptive optimizer divides by the size of the gradient.
    targets_not_scaled: [{"mean": 0.0, "std": 9.9}, {"mean": 0.0, "std": 0.11}, {"std": 0.0}, {"left": 0.29}]
    + [{"mean": float("nan"), "std": float("nan")}],
    inputs_not_normalised: [{"rms": 4.9}, {"rms": 0.11}, {"ratio": 99.9}, {"left": 0.29}]
    + [{"draws": "multinomial"}, *({"layer": layer} for layer in NORMALISED)],
    saturated_units: [{"share": 0.49}, {"left": 0.29}],
    bad_initialisation: [{"scales": [0.5, 0.5 / 29]}, {"scales": [0.5, 14.5]}, {"scales": [0.011]}, {"left": 0.29}]
    + [{"scales": []}, {"scales": [0.5, 0.0]}, {"scales": [50.0, 99.0]}],
    no_signal: [{"p": 0.05}, {"examples": 99}, {"left": 0.89}, {"evaluations": [0.89, 0.95]}, {"p": float("nan")}]
    + [{"power": 0.75}, {"answers": 3.1}],
    outliers: [
        {"far": 49.0},
        {"gap": 2.9},
        {"spread": 4.9},
        {"function": "huber_loss"},
        {"function": "l1_loss"},
        {"deviation": 0.0},
    ]
    + [{"deviation": float("nan")}, {"far": inf}, {"left": 0.29}],
    unshuffled_data: [{"classes": 6, "batches": 6}, {"within": 1, "batches": 3}, {"within": 1, "examples": 7}]
    + [{"within": 1, "classes": 1}],  # `labels_wrong` reports constant labels.
    strong_decay: [{"decay": 0.029}, {"left": 0.29}, {"decay": 0.49, **ADAMW}]
    + [{"decay": 0.1, "rule": "Muon"}, {"decay": 0.2, "rule": "SophiaG"}],  # decoupled, and these are their defaults
    strong_penalty: [{"share": 0.51}, {"left": 0.29}, {"share": float("nan")}],
    strong_dropout: [{"p": 0.74}, {"left": 0.29}],
    correlated_inputs: [
        {"condition": 399.0},
        {"decayed": 0.001, "left": 0.31},
        {"rms": 0.19},
        {"rms": 5.1},
        {"left": 0.09},
        ADAM,
    ]
    + [{"condition": float("nan")}],
}


@pytest.mark.parametrize("run, changes", neighbours(LEFT_ALONE), ids=named)
def test_not_reported(run, changes):
    assert look(run, **changes) is None


def test_too_much_dropout_is_reported_with_its_share_and_line():
    symptom = look(strong_dropout)
    assert symptom.id == "over_regularised" and symptom.value == 0.75 and symptom.where.line == 7
    assert "dropout of 0.75 in 5 leaves 25% of the units" in symptom.sentence


def test_a_handwritten_sum_is_reported():
    record = sum_reduction(reduction="mean", by_hand=True)
    add_site(record, "reduction", "0", 21)
    record.sites = [site for site in record.sites if site.kind != "loss_module"]
    symptom = detect("sum_reduction", record)
    assert symptom.where.line == 21 and symptom.value == 8


def test_a_summed_loss_explains_the_symptoms_of_inputs_and_targets():
    record = sum_reduction(cost=rising)
    probe(record, "curvature", "0", 30.0)
    assert [s.id for s in unexplained_symptoms(diagnose(record))] == ["sum_reduction"]


def test_a_layer_that_was_first_measured_after_other_layers_does_not_show_its_initial_weights():
    record = saturated_units(share=0.1)
    record.add(Reading("saturated_share", "late", 5, 0.9))
    assert detect("saturated_units", record) is None


def test_the_layer_with_the_most_saturated_units_is_reported():
    record = saturated_units(share=0.6)
    probe(record, "saturated_share", "5", 0.8)
    assert detect("saturated_units", record).module == "5"
    forget(record, facts.Activation)
    assert "the flat range of the sigmoid" in detect("saturated_units", record).sentence


def test_memorised_noise_is_reported_as_no_signal_and_not_as_overfitting():
    record = no_signal(left=0.01, evaluations=[1.0, 1.0, 1.5, 2.0, 2.5, 3.0])
    assert [s.id for s in unexplained_symptoms(diagnose(record))] == ["no_signal"]


@pytest.mark.parametrize("last, is_sick", [(2, False), (3, True)])
def test_identical_units_must_stay_identical_for_some_steps(last, is_sick):
    record = symmetric_units(share=0.0)
    record.readings["duplicate_share", "2.weight"] = ([0, last], [1.0, 1.0])
    assert (detect("symmetric_units", record) is not None) == is_sick


def test_the_limit_of_an_adaptive_optimizer_does_not_apply_to_the_plain_curvature():
    record = inputs_not_normalised(left=0.91)
    change(record, facts.Optimizer, "0", **ADAM)
    set_series(record, "learning_rate", "0", 1e-3)
    probe(record, "curvature", "0", [1e5])  # Before the first step, there is no preconditioned curvature.
    probe(record, "curvature_standardised", "0", [5.0])
    assert "α·λmax" not in detect("inputs_not_normalised", record).sentence


def test_the_activation_scale_of_a_single_layer_has_its_own_limits():
    symptom = look(bad_initialisation, scales=[0.0099])
    assert (symptom.value, symptom.bound) == (0.0099, 0.01)


def test_the_scale_of_a_layer_that_was_first_measured_later_is_not_initial():
    record = bad_initialisation(scales=[0.5, 0.4])
    record.add(Reading("activation_scale", "late", 5, 1e-3))
    assert detect("bad_initialisation", record) is None
