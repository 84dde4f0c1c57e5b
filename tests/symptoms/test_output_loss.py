"""Output layer and loss: each disagreement is reported, and runs that only look like one are not."""

from dataclasses import replace

import pytest
from records import CLASS_LOSS, observe, probe
from sick_runs import look, named
from sick_wiring import output_before_loss

from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import facts

BCE, LOGITS = "binary_cross_entropy", "binary_cross_entropy_with_logits"

MISMATCHES = [
    ({"function": "cross_entropy", "row_sum_min": 0.9991, "row_sum_max": 1.0, "min": 0.0}, "below 1.46"),
    ({"function": "cross_entropy", "activation": "softmax", "lone": "softmax"}, "softmax over a single unit"),
    ({"function": "cross_entropy", "activation": "tanh"}, "below 0.797"),
    ({"function": BCE, "activation": "softmax", "lone": "softmax"}, "softmax over a single unit is always 1"),
    ({"function": BCE, "activation": "log_softmax", "lone": "log_softmax"}, "over a single unit is always 0"),
    ({"function": "nll_loss", "activation": "log_softmax", "lone": "log_softmax"}, "over a single unit is always 0"),
    ({"function": "mse_loss", "activation": "softmin", "lone": "softmin"}, "softmin over a single unit is always 1"),
    ({"function": BCE, "activation": "sigmoid", "inner_activation": "sigmoid"}, "through sigmoid twice"),
    ({"function": BCE, "activation": "relu"}, "receives the output of relu"),
    ({"function": BCE, "activation": None, "max": 1.1}, "receives scores"),
    ({"function": LOGITS, "activation": "relu"}, "a negative example costs at least 0.69"),
    ({"function": LOGITS, "activation": "sigmoid"}, "0.31 (positive) or 0.69 (negative)"),
    ({"function": LOGITS, "activation": "softmax"}, "receives the output of softmax"),
    ({"function": "nll_loss", "activation": "softmax"}, "receives probabilities"),
    ({"function": "nll_loss", "largest_log_sum": 0.051}, "log of the sum: 0.051"),
    (
        {"function": "nll_loss", "activation": "log_softmax", "largest_log_sum": 2.1},
        "is not applied along the dimension",
    ),
    ({"function": "mse_loss", "activation": "sigmoid"}, "stays in [0, 1], but the targets range from -3 to 3"),
    ({"function": "mse_loss", "activation": "relu", "low": -0.032}, "never below 0, but the targets range from -0.032"),
    ({"function": "mse_loss", "activation": "tanh", "low": -1.0, "high": 1.03}, "from -1 to 1.03"),
]


@pytest.mark.parametrize("given, says", MISMATCHES, ids=named)
def test_output_and_loss_disagree(given, says):
    symptom = look(output_before_loss, **given)
    assert symptom.id == "output_loss_mismatch" and symptom.certain and symptom.where.line == 7
    assert says in symptom.sentence and "slow_progress" in symptom.explains


@pytest.mark.parametrize(
    "given",
    [
        {"function": "cross_entropy", "row_sum_min": 0.9989, "row_sum_max": 1.0, "min": 0.0},
        {"function": "cross_entropy", "row_sum_min": 1.0, "row_sum_max": 1.0, "min": -0.1},
        # The log_softmax of the loss has no effect after this one.
        {"function": "cross_entropy", "activation": "log_softmax"},
        {"function": "cross_entropy", "activation": "leaky_relu"},
        {"function": BCE, "activation": "sigmoid", "inner_activation": None},
        {"function": BCE, "activation": "softmax", "classes": 1},  # The softmax is over all examples, after a squeeze.
        {"function": LOGITS, "activation": None},
        {"function": "nll_loss", "activation": "log_softmax", "largest_log_sum": 0.04},
        {"function": "nll_loss", "largest_log_sum": 0.049},
        {"function": "mse_loss", "activation": "sigmoid", "low": -0.009, "high": 1.009},
        {"function": "mse_loss", "activation": "relu", "low": 0.0},
        {"function": "mse_loss", "activation": "gelu"},
    ],
    ids=named,
)
def test_output_and_loss_agree(given):
    assert look(output_before_loss, **given) is None


@pytest.mark.parametrize(("left", "dead", "certain"), [(0.9, 0.5, True), (0.9, 0.4, False), (0.1, 0.5, False)])
def test_a_relu_before_cross_entropy_is_certain_if_half_of_the_scores_are_dead(left, dead, certain):
    record = output_before_loss(left=left, function="cross_entropy", activation="relu")
    observe(record, facts.Activation("relu", 10, "", 0), "out")
    probe(record, "dead_share", "out", dead)
    assert detect("output_loss_mismatch", record).certain == certain
    assert look(output_before_loss, function="mse_loss", activation="relu").certain


@pytest.mark.parametrize(("left", "dead", "is_seen"), [(0.95, 0.5, True), (0.95, 0.4, False), (0.85, 1.0, False)])
def test_a_dead_relu_before_a_squared_error_is_reported_even_if_its_range_includes_the_targets(left, dead, is_seen):
    record = output_before_loss(left=left, function="mse_loss", activation="relu", low=0.0)
    observe(record, facts.Activation("relu", 1, "", 0), "out")
    probe(record, "dead_share", "out", dead)
    symptom = detect("output_loss_mismatch", record)
    assert (symptom is not None and symptom.certain and "0 on every example" in symptom.sentence) == is_seen


def test_the_loss_is_checked_with_its_first_input():
    record = output_before_loss(function="nll_loss", largest_log_sum=5.0)
    observe(record, replace(CLASS_LOSS, function="nll_loss", largest_log_sum=float("nan")), "", 50)
    assert detect("output_loss_mismatch", record).value == 5.0
