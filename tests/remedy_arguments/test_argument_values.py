"""The arguments that each function chooses from a small record; None if the remedy does not apply."""

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from records import MONITOR, SGD, forget, healthy, observe, probe, set_cost
from sick_dynamics import now_and_then, outrun, overfitting, stragglers
from sick_wiring import output_before_loss

from descend.doctor import remedy_arguments
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Ending, Record, facts
from descend.doctor.remedy_arguments.learning_rates import half_rate, rate_for_standardised_inputs

MODULES = [import_module(f"{remedy_arguments.__name__}.{m.name}") for m in iter_modules(remedy_arguments.__path__)]
FUNCTIONS = {name: value for module in MODULES for name, value in vars(module).items()}
SYMPTOM = Symptom(False, "", "", 0.0, 0.0, "", id="instability", kind="dynamics")
ADAM = {"rule": "Adam", "lr": 1e-3, "betas": (0.9, 0.999)}
ADAMW, LBFGS, MOMENTUM = {**ADAM, "rule": "AdamW"}, {"rule": "LBFGS"}, {"momentum": 0.9}


def of(record: Record, name: str) -> dict[str, Any] | None:
    return FUNCTIONS[name](record, SYMPTOM)


def with_curvature(*values: float, name: str = "curvature", **rule: Any) -> Record:
    record = healthy(**rule)
    probe(record, name, "0", list(values))
    return record


def with_rise(*values: float, **rule: Any) -> Record:
    """Return a run whose loss rises at step 25, so that later measurements do not count."""
    record = with_curvature(*values, **rule)
    set_cost(record, lambda t: 1.0 if t < 0.1 else 9.0)
    return record


def with_early_rise() -> Record:
    """Return a run whose loss rises at step 5."""
    record = healthy()
    set_cost(record, lambda t: 1.0 if t < 0.02 else 9.0)
    return record


def with_loss(function: str, activation: str | None, **given: Any) -> Record:
    return output_before_loss(function=function, activation=activation, **given)


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
    """Return a run whose fixed examples come from two batches of this size."""
    record = healthy()
    observe(record, replace(MONITOR, batches=2, examples=2 * examples))
    if noise is not None:
        probe(record, "gradient_noise_scale", "0", noise)
    record.ending = Ending("finished", 0, steps)
    return record


def without_curvature(**rule: Any) -> Record:
    record = healthy(**rule)
    forget(record, "curvature")
    return record


RATES = [  # function, record, new learning rate
    ("rate_at_first_curvature", with_curvature(25.0, 50.0), 0.5 * 2 / 25),
    ("rate_at_first_curvature", with_curvature(50.0, **MOMENTUM), 0.5 * 3.8 / 50),
    (
        "rate_at_first_curvature",
        with_curvature(1e4, 1e4, 600.0, 400.0, 200.0, name="preconditioned_curvature", **ADAM),
        None,
    ),
    ("rate_at_first_curvature", with_curvature(1e6, 1e5, 6e4, 4e4, name="preconditioned_curvature", **ADAM), 19 / 6e4),
    (
        "rate_at_first_curvature",
        with_curvature(3.0, weight_decay=50.0),
        0.5 * 2 / 53,
    ),  # coupled decay adds to the curvature
    ("rate_at_first_curvature", healthy(**{**ADAM, "weight_decay": 50.0}), 1e-4),  # preconditioned curvature is unknown
    ("rate_at_first_curvature", healthy(**LBFGS), 0.01),
    ("rate_at_first_curvature", without_curvature(), 0.01),
    ("rate_at_first_curvature", with_curvature(10.0), None),
    ("rate_at_first_curvature", with_curvature(float("nan")), None),
    ("rate_at_first_curvature", with_curvature(-1.0), None),
    ("rate_at_largest_curvature", with_curvature(25.0, 50.0), 0.5 * 2 / 50),
    ("rate_at_largest_curvature", with_rise(25.0, 50.0, 60.0, 999.0), 0.5 * 2 / 60),
    (
        "rate_at_largest_curvature",
        with_curvature(1e6, 1e5, 6e4, 4e4, name="preconditioned_curvature", **ADAM),
        19 / 1e5,
    ),
    ("rate_at_largest_curvature", with_curvature(25.0, 50.0, weight_decay=10.0), 0.5 * 2 / 60),
    ("rate_at_largest_curvature", healthy(**ADAM), None),
    ("rate_at_largest_curvature", healthy(**LBFGS), None),
    ("rate_at_largest_curvature", with_curvature(3.0), None),
    ("default_adam_rate", healthy(**{**ADAM, "lr": 0.02}), 1e-3),
    ("default_adam_rate", healthy(**ADAM), None),
    ("default_adam_rate", healthy(), None),
    ("rate_for_usual_step", outrun(12.0, **{"rule": "Lion", "lr": 0.6}), 5e-4),
    ("rate_for_usual_step", outrun(0.9, **{"rule": "Lion", "lr": 0.6}), None),
    ("rate_for_usual_step", outrun(12.0, **{**ADAM, "lr": 0.6}), None),
    ("rate_for_short_run", overfitting(**{**ADAM, "lr": 3e-3}), None),
    ("rate_for_short_run", overfitting(**{**ADAM, "lr": 1e-5}), None),  # the symptom is instability, not slow progress
    ("rate_for_short_run", overfitting(**{**ADAM, "lr": 0.5}), 0.01),
    ("larger_rate", healthy(lr=0.01), 0.5 * 2 / 3),
    ("larger_rate", healthy(lr=0.01, **MOMENTUM), 0.25 * 3.8 / 3),
    ("larger_rate", healthy(lr=0.08, **MOMENTUM), None),
    ("larger_rate", healthy(**{"rule": "RMSprop", "lr": 1e-5}), 1e-3),
    ("larger_rate", with_curvature(3.0, 6.0, 4.0, lr=0.01), 0.5 * 2 / 6),
    ("larger_rate", healthy(lr=0.1), None),
    ("larger_rate", healthy(**{**ADAM, "lr": 1e-5}), 1e-3),
    ("larger_rate", healthy(**{**ADAM, "lr": 3e-4}), None),
    ("larger_rate", without_curvature(lr=1e-4), 3e-3),
    ("rate_for_usual_momentum", healthy(lr=0.1, momentum=0.99), 0.01),
    ("rate_for_usual_momentum", healthy(lr=0.1, momentum=0.9), None),
    ("rate_for_usual_momentum", healthy(lr=0.1, momentum=1.0), None),
    ("rate_for_usual_momentum", healthy(lr=0.0, momentum=0.99), None),
    ("half_rate", healthy(lr=0.1), 0.05),
    ("tenth_rate", healthy(lr=0.1), 0.01),
    ("half_rate", healthy(lr=0.0), None),
    ("adam_arguments", healthy(), 1e-3),
    ("adam_arguments", healthy(**ADAM), None),
    ("adam_arguments", Record(), None),
]


@pytest.mark.parametrize("name, record, rate", RATES)
def test_the_learning_rate_is_chosen_from_the_record(name, record, rate):
    values = of(record, name)
    if rate is None:
        assert values is None
    else:
        assert values["lr"] == float(f"{rate:.0e}") and values["optimizer"] == "0"
        assert values.get("old") in (None, record.fact(facts.Optimizer, "0").lr)


@pytest.mark.parametrize("lr, share, rate", [(0.05, 0.5, 1 / 3), (0.1, 0.5, None), (0.005, 0.05, 1 / 30)])
def test_the_learning_rate_for_standardised_inputs_is_never_lowered(lr, share, rate):
    values = rate_for_standardised_inputs(share)(healthy(lr=lr), SYMPTOM)
    assert values is None if rate is None else values == {"lr": float(f"{rate:.0e}"), "old": lr, "optimizer": "0"}


@pytest.mark.parametrize("share", [0.5, 0.05])
@pytest.mark.parametrize("rule", [ADAM, ADAMW, {"rule": "RMSprop", "lr": 1e-5}], ids=lambda rule: rule["rule"])
def test_an_adaptive_optimizer_gets_no_learning_rate_from_the_unpreconditioned_curvature(rule, share):
    assert rate_for_standardised_inputs(share)(healthy(**rule), SYMPTOM) is None


AMOUNTS = [  # function, record, some of the chosen arguments
    ("shares_by_speed", stragglers(slow=0.06, step=0.065), {"speeds": [3.0, 3.0, 1.0], "shown": "3, 3, 1"}),
    ("shares_by_speed", stragglers(), None),  # all processes are about equally fast
    ("steps_between_averages", now_and_then(), {"period": 10}),
    ("asynchronous_steps", stragglers(slow=0.06, step=0.065), {"smaller": 1.26}),
    ("steps_between_averages", stragglers(slow=0.06, step=0.065), None),  # the same process is always slow
    ("passes_until_least_loss", overfitting(), {"times": 0.3, "steps": 60, "of": 200}),
    ("passes_until_least_loss", healthy(), None),
    ("rare_gradient_norm", with_norms("gradient_norm", *map(float, range(1, 12))), {"max_norm": 10.0}),
    ("rare_gradient_norm", with_norms("gradient_norm", float("nan")), None),
    ("default_adam_rate_if_far", healthy(**{**ADAM, "lr": 0.1}), {"lr": 1e-3, "old": 0.1}),
    ("default_adam_rate_if_far", healthy(**{**ADAM, "lr": 0.09}), None),
    ("largest_group_rate", healthy(rates=[1e-6, 0.05]), {"lr": 0.05, "optimizer": "0"}),
    ("smallest_group_rate", healthy(rates=[0.0, 1e-6, 0.05]), {"lr": 1e-6, "optimizer": "0"}),
    ("largest_group_rate", healthy(), None),
    ("usual_weight_decay", healthy(weight_decay=0.03), {"value": 1e-4, "old": 0.03}),
    ("usual_weight_decay", healthy(**{**ADAMW, "weight_decay": 0.5}), {"value": 0.01, "old": 0.5}),
    ("usual_weight_decay", healthy(**{**ADAM, "weight_decay": 0.5, "decoupled_weight_decay": True}), {"value": 0.01}),
    ("usual_weight_decay", healthy(**{**ADAM, "weight_decay": 0.5}), {"value": 1e-4}),
    ("usual_weight_decay", healthy(rule="SOAP", weight_decay=0.5), {"value": 0.01}),
    ("usual_weight_decay", healthy(weight_decay=1e-4), None),
    ("usual_weight_decay", healthy(), None),
    ("usual_dropout_rate", with_dropout(0.1, 0.75), {"p": 0.2, "old": 0.75}),
    ("usual_dropout_rate", with_dropout(0.4), None),
    ("median_gradient_norm", with_norms("clipped_norm", 1.0, 30.0, 2.0), {"max_norm": 2.0}),
    ("median_gradient_norm", with_norms("gradient_norm", 1.0, 3.0, float("inf"), 9.0), {"max_norm": 2.0}),
    ("median_gradient_norm", with_norms("gradient_norm", float("nan")), None),
    ("median_gradient_norm", Record(), None),
    ("usual_momentum", healthy(), {"argument": "momentum", "value": 0.9}),
    ("usual_momentum", healthy(**MOMENTUM), None),
    ("usual_momentum", healthy(**ADAM), None),
    ("lower_momentum", healthy(momentum=0.99), {"argument": "momentum", "value": 0.9, "old": 0.99}),
    ("lower_momentum", healthy(**MOMENTUM), None),
    ("decay_to_zero", healthy(), {"steps": 200}),
    ("decay_to_zero", Record(), None),
    ("warm_up", with_early_rise(), {"steps": 20, "start": 0.05, "end": 1.0}),
    ("warm_up", with_rise(), None),
    ("more_passes", healthy(), {"times": 4}),
    ("smaller_batch", batches(1024), {"old": 1024, "batch_size": 32, "smaller": 32}),
    ("smaller_batch", batches(1024, noise=100.0), {"old": 1024, "batch_size": 128, "smaller": 8}),
    ("smaller_batch", healthy(), None),
    ("larger_batch", batches(4), {"old": 4, "batch_size": 32, "smaller": 1 / 8}),
    ("larger_batch", batches(17), None),
    ("larger_batch", batches(4, steps=399), None),
    ("only_optimizer", healthy(), {"optimizer": "0"}),
]


@pytest.mark.parametrize("name, record, expected", AMOUNTS)
def test_the_amount_is_chosen_from_the_record(name, record, expected):
    values = of(record, name)
    assert values is None if expected is None else expected.items() <= values.items()


def test_arguments_are_for_the_optimizer_of_the_symptom():
    record = healthy()
    observe(record, replace(SGD, lr=0.8), "1")
    symptom = Symptom(False, "", "", 0.0, 0.0, "", optimizer="1", id="oscillation", kind="dynamics")
    assert half_rate(record, symptom) == {"lr": 0.4, "old": 0.8, "optimizer": "1"}
