"""How much of a remedy: the numbers that each dose reads off a small record, and None where it does not apply."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "symptoms"))

from records import MONITOR, SGD, forget, healthy, observe, probe, set_cost
from sick_dynamics import now_and_then, outrun, overfitting, stragglers
from sick_first_steps import never_backward, wiped
from sick_wiring import constant_term, made_in_forward, output_before_loss, parameters_not_in_optimizer, several_tags

from descend.doctor import doses
from descend.doctor.record import Ending, Record, facts
from descend.doctor.symptoms import Symptom

SYMPTOM = Symptom(False, "", "", 0.0, 0.0, "", id="instability", kind="dynamics")
ADAM = {"rule": "Adam", "lr": 1e-3, "betas": (0.9, 0.999)}
ADAMW, LBFGS, MOMENTUM = {**ADAM, "rule": "AdamW"}, {"rule": "LBFGS"}, {"momentum": 0.9}


def of(record: Record, name: str) -> dict[str, Any] | None:
    return getattr(doses, name)(record, SYMPTOM)


def with_curvature(*values: float, name: str = "curvature", **rule: Any) -> Record:
    record = healthy(**rule)
    probe(record, name, "0", list(values))
    return record


def with_rise(*values: float, **rule: Any) -> Record:
    """The cost rises at step 25: what is measured after that does not count."""
    record = with_curvature(*values, **rule)
    set_cost(record, lambda t: 1.0 if t < 0.1 else 9.0)
    return record


def with_early_rise() -> Record:
    """The cost rises at step 5."""
    record = healthy()
    set_cost(record, lambda t: 1.0 if t < 0.02 else 9.0)
    return record


def with_loss(function: str, activation: str | None, **given: Any) -> Record:
    return output_before_loss(function=function, activation=activation, **given)


def with_activations(*names: str) -> Record:
    record = healthy()
    forget(record, facts.Activation)
    for i, name in enumerate(names):
        observe(record, facts.Activation(name, 32, "", 0), str(i))
    return record


def with_dropout(*shares: float) -> Record:
    record = healthy()
    for i, share in enumerate(shares):
        observe(record, facts.Dropout(share), str(i))
    return record


def with_norms(name: str, *norms: float) -> Record:
    record = healthy()
    probe(record, name, "", list(norms))
    return record


def batches(examples: int, noise: float | None = None, steps: int = 400) -> Record:
    """Fixed examples that came in two batches."""
    record = healthy()
    observe(record, replace(MONITOR, batches=2, examples=2 * examples))
    if noise is not None:
        probe(record, "gradient_noise_scale", "0", noise)
    record.ending = Ending("finished", 0, steps)
    return record


def blind(**rule: Any) -> Record:
    record = healthy(**rule)
    forget(record, "curvature")
    return record


RATES = [  # dose, record, the new rate
    ("gentle_rate", with_curvature(25.0, 50.0), 0.5 * 2 / 25),
    ("gentle_rate", with_curvature(50.0, **MOMENTUM), 0.5 * 3.8 / 50),
    ("gentle_rate", with_curvature(1e4, 1e4, 600.0, 400.0, 200.0, name="preconditioned_curvature", **ADAM), None),
    ("gentle_rate", with_curvature(1e6, 1e5, 6e4, 4e4, name="preconditioned_curvature", **ADAM), 19 / 6e4),
    ("gentle_rate", with_curvature(3.0, weight_decay=50.0), 0.5 * 2 / 53),  # coupled decay adds to the curvature
    ("gentle_rate", healthy(**{**ADAM, "weight_decay": 50.0}), 1e-4),  # its own curvature is not known
    ("gentle_rate", healthy(**LBFGS), 0.01),
    ("gentle_rate", blind(), 0.01),
    ("gentle_rate", with_curvature(10.0), None),
    ("gentle_rate", with_curvature(float("nan")), None),
    ("gentle_rate", with_curvature(-1.0), None),
    ("safe_rate", with_curvature(25.0, 50.0), 0.5 * 2 / 50),
    ("safe_rate", with_rise(25.0, 50.0, 60.0, 999.0), 0.5 * 2 / 60),
    ("safe_rate", with_curvature(1e6, 1e5, 6e4, 4e4, name="preconditioned_curvature", **ADAM), 19 / 1e5),
    ("safe_rate", with_curvature(25.0, 50.0, weight_decay=10.0), 0.5 * 2 / 60),
    ("safe_rate", healthy(**ADAM), None),
    ("safe_rate", healthy(**LBFGS), None),
    ("safe_rate", with_curvature(3.0), None),
    ("default_rate", healthy(**{**ADAM, "lr": 0.02}), 1e-3),
    ("default_rate", healthy(**ADAM), None),
    ("default_rate", healthy(), None),
    ("usual_step_rate", outrun(12.0, **{"rule": "Lion", "lr": 0.6}), 5e-4),
    ("usual_step_rate", outrun(0.9, **{"rule": "Lion", "lr": 0.6}), None),
    ("usual_step_rate", outrun(12.0, **{**ADAM, "lr": 0.6}), None),
    ("short_run_rate", overfitting(**{**ADAM, "lr": 3e-3}), None),
    ("short_run_rate", overfitting(**{**ADAM, "lr": 1e-5}), None),  # that is slow, and not unstable
    ("short_run_rate", overfitting(**{**ADAM, "lr": 0.5}), 0.01),
    ("longer_rate", healthy(lr=0.01), 0.5 * 2 / 3),
    ("longer_rate", healthy(lr=0.01, **MOMENTUM), 0.25 * 3.8 / 3),
    ("longer_rate", healthy(lr=0.08, **MOMENTUM), None),
    ("longer_rate", healthy(**{"rule": "RMSprop", "lr": 1e-5}), 1e-3),
    ("longer_rate", with_curvature(3.0, 6.0, 4.0, lr=0.01), 0.5 * 2 / 6),
    ("longer_rate", healthy(lr=0.1), None),
    ("longer_rate", healthy(**{**ADAM, "lr": 1e-5}), 1e-3),
    ("longer_rate", healthy(**{**ADAM, "lr": 3e-4}), None),
    ("longer_rate", blind(lr=1e-4), 3e-3),
    ("calmer_rate", healthy(lr=0.1, momentum=0.99), 0.01),
    ("calmer_rate", healthy(lr=0.1, momentum=0.9), None),
    ("calmer_rate", healthy(lr=0.1, momentum=1.0), None),
    ("calmer_rate", healthy(lr=0.0, momentum=0.99), None),
    ("half_rate", healthy(lr=0.1), 0.05),
    ("tenth_rate", healthy(lr=0.1), 0.01),
    ("half_rate", healthy(lr=0.0), None),
    ("adam", healthy(), 1e-3),
    ("adam", healthy(**ADAM), None),
    ("adam", Record(), None),
]


@pytest.mark.parametrize("name, record, rate", RATES)
def test_rates(name, record, rate):
    dose = of(record, name)
    if rate is None:
        assert dose is None
    else:
        assert dose["lr"] == float(f"{rate:.0e}") and dose["optimizer"] == "0"
        assert dose.get("old") in (None, record.fact(facts.Optimizer, "0").lr)


@pytest.mark.parametrize("lr, share, rate", [(0.05, 0.5, 1 / 3), (0.1, 0.5, None), (0.005, 0.05, 1 / 30)])
def test_the_rate_for_standardised_inputs_is_only_ever_raised(lr, share, rate):
    dose = doses.rate_for_standardised(share)(healthy(lr=lr), SYMPTOM)
    assert dose is None if rate is None else dose == {"lr": float(f"{rate:.0e}"), "old": lr, "optimizer": "0"}


@pytest.mark.parametrize("share", [0.5, 0.05])
@pytest.mark.parametrize("rule", [ADAM, ADAMW, {"rule": "RMSprop", "lr": 1e-5}], ids=lambda rule: rule["rule"])
def test_an_adaptive_rules_rate_is_not_dosed_by_the_plain_curvature(rule, share):
    assert doses.rate_for_standardised(share)(healthy(**rule), SYMPTOM) is None


def forgetful() -> Record:
    record = healthy()
    observe(record, facts.Recurrent("lstm", 50), "a")
    observe(record, facts.Recurrent("lstm", 20), "b")
    return record


def idle(*places: str) -> Record:
    """Dropout at 1 and a normalisation at 2; those places are in evaluation mode."""
    record = with_dropout(0.5, 0.5)
    observe(record, facts.Modes(places, unfit=()), "", 100)
    return record


def lost() -> Record:
    record = healthy()
    observe(record, facts.Lost(4), "0", 50)
    return record


AMOUNTS = [
    ("by_speed", stragglers(slow=0.06, step=0.065), {"speeds": [3.0, 3.0, 1.0], "shown": "3, 3, 1"}),
    ("by_speed", stragglers(), None),  # a step is mostly what all need
    ("between_averages", now_and_then(), {"period": 10}),
    ("as_they_come", stragglers(slow=0.06, step=0.065), {"smaller": 1.26}),
    ("between_averages", stragglers(slow=0.06, step=0.065), None),  # always the same one
    ("until_least", overfitting(), {"times": 0.3, "steps": 60, "of": 200}),
    ("until_least", healthy(), None),
    ("rare_norm", with_norms("gradient_norm", *map(float, range(1, 12))), {"max_norm": 10.0}),
    ("rare_norm", with_norms("gradient_norm", float("nan")), None),
    ("far_default_rate", healthy(**{**ADAM, "lr": 0.1}), {"lr": 1e-3, "old": 0.1}),
    ("far_default_rate", healthy(**{**ADAM, "lr": 0.09}), None),
    ("largest_rate", healthy(rates=[1e-6, 0.05]), {"lr": 0.05, "optimizer": "0"}),
    ("smallest_rate", healthy(rates=[0.0, 1e-6, 0.05]), {"lr": 1e-6, "optimizer": "0"}),
    ("largest_rate", healthy(), None),  # dose, record, what it says
    ("least_decay", healthy(weight_decay=0.03), {"value": 1e-4, "old": 0.03}),
    ("least_decay", healthy(**{**ADAMW, "weight_decay": 0.5}), {"value": 0.01, "old": 0.5}),
    ("least_decay", healthy(**{**ADAM, "weight_decay": 0.5, "decoupled_weight_decay": True}), {"value": 0.01}),
    ("least_decay", healthy(**{**ADAM, "weight_decay": 0.5}), {"value": 1e-4}),
    ("least_decay", healthy(weight_decay=1e-4), None),
    ("least_decay", healthy(), None),
    ("least_dropout", with_dropout(0.1, 0.75), {"p": 0.2, "old": 0.75}),
    ("least_dropout", with_dropout(0.4), None),
    ("usual_norm", with_norms("clipped_norm", 1.0, 30.0, 2.0), {"max_norm": 2.0}),
    ("usual_norm", with_norms("gradient_norm", 1.0, 3.0, float("inf"), 9.0), {"max_norm": 2.0}),
    ("usual_norm", with_norms("gradient_norm", float("nan")), None),
    ("usual_norm", Record(), None),
    ("momentum", healthy(), {"argument": "momentum", "value": 0.9}),
    ("momentum", healthy(**MOMENTUM), None),
    ("momentum", healthy(**ADAM), None),
    ("lower_momentum", healthy(momentum=0.99), {"argument": "momentum", "value": 0.9, "old": 0.99}),
    ("lower_momentum", healthy(**MOMENTUM), None),
    ("whole_run", healthy(), {"steps": 200}),
    ("whole_run", Record(), None),
    ("first_steps", with_early_rise(), {"steps": 20, "start": 0.05, "end": 1.0}),
    ("first_steps", with_rise(), None),
    ("longer", healthy(), {"times": 4}),
    ("smaller_batch", batches(1024), {"old": 1024, "batch_size": 32, "smaller": 32}),
    ("smaller_batch", batches(1024, noise=100.0), {"old": 1024, "batch_size": 128, "smaller": 8}),
    ("smaller_batch", healthy(), None),
    ("larger_batch", batches(4), {"old": 4, "batch_size": 32, "smaller": 1 / 8}),
    ("larger_batch", batches(17), None),
    ("larger_batch", batches(4, steps=399), None),
    ("nothing_to_dose", healthy(), {"optimizer": "0"}),
]

CHOICES = [
    ("sequence_length", forgetful(), {"length": 50, "optimizer": "0"}),
    ("sequence_length", healthy(), None),
    ("another_activation", with_loss("binary_cross_entropy", "relu"), {"activation": "sigmoid"}),
    ("no_step_at_all", blind(), None),
    ("wiped_gradients", wiped(), {"optimizer": "0"}),
    ("wiped_gradients", healthy(), None),
    ("never_computed", never_backward(), {"loss": "loss", "optimizer": "0"}),
    ("never_computed", never_backward(name=None), None),
    ("wiped_gradients", Record(), None),
    ("no_step_at_all", Record(), {"optimizer": "0"}),
    ("output_activation", with_loss("cross_entropy", "softmax"), {"activation": "softmax"}),
    ("output_activation", with_loss("binary_cross_entropy_with_logits", "sigmoid"), {"activation": "sigmoid"}),
    ("output_activation", with_loss("mse_loss", "tanh"), {"activation": "tanh"}),
    (
        "output_activation",
        with_loss("binary_cross_entropy", "sigmoid", inner_activation="sigmoid"),
        {"activation": "sigmoid"},
    ),
    ("output_activation", with_loss("binary_cross_entropy", "sigmoid", inner_activation=None), None),
    ("output_activation", with_loss("nll_loss", "softmax"), None),
    ("output_activation", with_loss("cross_entropy", None), None),
    ("another_activation", with_loss("nll_loss", "softmax"), {"activation": "log_softmax"}),
    ("another_activation", with_loss("binary_cross_entropy", "softmax", lone="softmax"), {"activation": "sigmoid"}),
    (
        "another_activation",
        with_loss("binary_cross_entropy", "log_softmax", lone="log_softmax"),
        {"activation": "sigmoid"},
    ),
    ("another_activation", with_loss("binary_cross_entropy", "softmax", classes=2), None),
    ("another_activation", with_loss("cross_entropy", "softmax"), None),
    ("another_activation", several_tags(), {"activation": "sigmoid"}),
    ("derivative_in_loss", constant_term(), {"optimizer": "0"}),
    ("derivative_in_loss", healthy(), None),
    ("cut_graph", healthy(), {"optimizer": "0"}),
    ("cut_graph", constant_term(), None),
    ("small_amount", healthy(), {"eps": 1e-8}),
    ("another_loss", with_loss("nll_loss", None), {"loss": "cross_entropy"}),
    ("another_loss", with_loss("nll_loss", "log_softmax"), None),
    ("another_loss", with_loss("cross_entropy", None), None),
    ("following_activation", with_activations("tanh", "relu", "tanh"), {"activation": "tanh"}),
    ("following_activation", with_activations(), {"activation": "linear"}),
    ("rectifier", with_activations("gelu", "tanh"), {"activation": "relu"}),
    ("rectifier", with_activations("gelu", "relu"), None),
    ("all_parameters", healthy(), {"optimizer": "0", "model": "model"}),
    ("all_parameters", Record(), {"optimizer": "0"}),
    ("all_parameters", lost(), None),
    ("network_made_again", parameters_not_in_optimizer(held=0), {"kind": "model", "place": "0", "line": 5}),
    ("network_made_again", healthy(), None),
    ("all_parameters", made_in_forward(), None),
    ("kept_layers", healthy(), {"optimizer": "0"}),
    ("kept_layers", made_in_forward(), None),
    ("layers_made_anew", made_in_forward(), {"optimizer": "0"}),
    ("layers_made_anew", healthy(), None),
    ("replaced_parameters", lost(), {"optimizer": "0", "model": "model", "replaced": True}),
    ("replaced_parameters", healthy(), None),
    ("idle_dropout", idle("1"), {"optimizer": "0"}),
    ("idle_dropout", idle("1", "2"), None),
    ("idle_dropout", healthy(), None),
    ("idle_normalisation", idle("1"), None),
    ("idle_normalisation", idle("1", "2"), {"optimizer": "0"}),
    ("robust_loss", healthy(), {"loss": "huber_loss"}),
    ("wrong_function", healthy(), {"function": ""}),
]


@pytest.mark.parametrize("name, record, expected", AMOUNTS + CHOICES)
def test_amounts_and_choices(name, record, expected):
    dose = of(record, name)
    assert dose is None if expected is None else expected.items() <= dose.items()


def test_a_dose_concerns_the_symptoms_optimizer():
    record = healthy()
    observe(record, replace(SGD, lr=0.8), "1")
    symptom = Symptom(False, "", "", 0.0, 0.0, "", optimizer="1", id="oscillation", kind="dynamics")
    assert doses.half_rate(record, symptom) == {"lr": 0.4, "old": 0.8, "optimizer": "1"}
