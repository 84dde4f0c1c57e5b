"""The activations, losses, layers and optimizers that each function chooses from a small record."""

import pytest
from records import forget, healthy, observe
from sick_first_steps import never_backward, wiped
from sick_wiring import constant_term, made_in_forward, parameters_not_in_optimizer, several_tags
from test_argument_values import of, with_dropout, with_loss, without_curvature

from descend.doctor.record import Record, facts


def with_activations(*names: str) -> Record:
    record = healthy()
    forget(record, facts.Activation)
    for i, name in enumerate(names):
        observe(record, facts.Activation(name, 32, "", 0), str(i))
    return record


def recurrent() -> Record:
    record = healthy()
    observe(record, facts.Recurrent("lstm", 50), "a")
    observe(record, facts.Recurrent("lstm", 20), "b")
    return record


def in_evaluation_mode(*places: str) -> Record:
    """Return a run with dropout at 0 and 1, in which the given places are in evaluation mode."""
    record = with_dropout(0.5, 0.5)
    observe(record, facts.Modes(places, unfit=()), "", 100)
    return record


def with_replaced_layers() -> Record:
    record = healthy()
    observe(record, facts.NoTrainedParameters(4), "0", 50)
    return record


CHOICES = [  # function, record, some of the chosen arguments
    ("sequence_length", recurrent(), {"length": 50, "optimizer": "0"}),
    ("sequence_length", healthy(), None),
    ("activation_for_loss", with_loss("binary_cross_entropy", "relu"), {"activation": "sigmoid"}),
    ("optimizer_without_steps", without_curvature(), None),
    ("optimizer_with_wiped_gradients", wiped(), {"optimizer": "0"}),
    ("optimizer_with_wiped_gradients", healthy(), None),
    ("loss_without_backward", never_backward(), {"loss": "loss", "optimizer": "0"}),
    ("loss_without_backward", never_backward(name=None), None),
    ("optimizer_with_wiped_gradients", Record(), None),
    ("optimizer_without_steps", Record(), {"optimizer": "0"}),
    ("redundant_activation", with_loss("cross_entropy", "softmax"), {"activation": "softmax"}),
    ("redundant_activation", with_loss("binary_cross_entropy_with_logits", "sigmoid"), {"activation": "sigmoid"}),
    ("redundant_activation", with_loss("mse_loss", "tanh"), {"activation": "tanh"}),
    (
        "redundant_activation",
        with_loss("binary_cross_entropy", "sigmoid", inner_activation="sigmoid"),
        {"activation": "sigmoid"},
    ),
    ("redundant_activation", with_loss("binary_cross_entropy", "sigmoid", inner_activation=None), None),
    ("redundant_activation", with_loss("nll_loss", "softmax"), None),
    ("redundant_activation", with_loss("cross_entropy", None), None),
    ("activation_for_loss", with_loss("nll_loss", "softmax"), {"activation": "log_softmax"}),
    ("activation_for_loss", with_loss("binary_cross_entropy", "softmax", lone="softmax"), {"activation": "sigmoid"}),
    (
        "activation_for_loss",
        with_loss("binary_cross_entropy", "log_softmax", lone="log_softmax"),
        {"activation": "sigmoid"},
    ),
    ("activation_for_loss", with_loss("binary_cross_entropy", "softmax", classes=2), None),
    ("activation_for_loss", with_loss("cross_entropy", "softmax"), None),
    ("activation_for_loss", several_tags(), {"activation": "sigmoid"}),
    ("optimizer_if_derivatives_are_cut", constant_term(), {"optimizer": "0"}),
    ("optimizer_if_derivatives_are_cut", healthy(), None),
    ("optimizer_if_graph_is_cut", healthy(), {"optimizer": "0"}),
    ("optimizer_if_graph_is_cut", constant_term(), None),
    ("small_eps", healthy(), {"eps": 1e-8}),
    ("loss_for_raw_scores", with_loss("nll_loss", None), {"loss": "cross_entropy"}),
    ("loss_for_raw_scores", with_loss("nll_loss", "log_softmax"), None),
    ("loss_for_raw_scores", with_loss("cross_entropy", None), None),
    ("most_used_activation", with_activations("tanh", "relu", "tanh"), {"activation": "tanh"}),
    ("most_used_activation", with_activations(), {"activation": "linear"}),
    ("relu_for_saturating_units", with_activations("gelu", "tanh"), {"activation": "relu"}),
    ("relu_for_saturating_units", with_activations("gelu", "relu"), None),
    ("whole_model", healthy(), {"optimizer": "0", "model": "model"}),
    ("whole_model", Record(), {"optimizer": "0"}),
    ("whole_model", with_replaced_layers(), None),
    ("line_of_second_model", parameters_not_in_optimizer(held=0), {"kind": "model", "place": "0", "line": 5}),
    ("line_of_second_model", healthy(), None),
    ("whole_model", made_in_forward(), None),
    ("optimizer_if_layers_are_kept", healthy(), {"optimizer": "0"}),
    ("optimizer_if_layers_are_kept", made_in_forward(), None),
    ("optimizer_if_layers_are_made_in_forward", made_in_forward(), {"optimizer": "0"}),
    ("optimizer_if_layers_are_made_in_forward", healthy(), None),
    ("model_with_replaced_layers", with_replaced_layers(), {"optimizer": "0", "model": "model", "replaced": True}),
    ("model_with_replaced_layers", healthy(), None),
    ("optimizer_if_only_dropout_is_off", in_evaluation_mode("1"), {"optimizer": "0"}),
    ("optimizer_if_only_dropout_is_off", in_evaluation_mode("1", "2"), None),
    ("optimizer_if_only_dropout_is_off", healthy(), None),
    ("optimizer_if_others_are_off", in_evaluation_mode("1"), None),
    ("optimizer_if_others_are_off", in_evaluation_mode("1", "2"), {"optimizer": "0"}),
    ("robust_loss", healthy(), {"loss": "huber_loss"}),
    ("function_with_wrong_backward", healthy(), {"function": ""}),
]


@pytest.mark.parametrize("name, record, expected", CHOICES)
def test_the_choice_depends_on_the_record(name, record, expected):
    values = of(record, name)
    assert values is None if expected is None else expected.items() <= values.items()
