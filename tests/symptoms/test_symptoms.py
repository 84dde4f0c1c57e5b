"""Each symptom on handmade records: its own fault is reported, and similar runs are not."""

import math
from dataclasses import replace

import pytest
from records import SGD, change, change_one, exploding, healthy, set_series, stuck

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.assess.stability import learning_rate_times_curvature, stability_bound
from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import unexplained_symptoms
from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.record import Reading, Record, facts
from descend.doctor.symptoms.output_loss_mismatch import lowest_cross_entropy


def ids(record: Record) -> list[str]:
    return [symptom.id for symptom in unexplained_symptoms(diagnose(record))]


def raw_inputs(record: Record, rms: float = 13.0) -> None:
    change(record, facts.Inputs, largest_rms=rms, std=(0.1, 6.5, 3.0, 1.0))
    set_series(record, "input_condition_number", "", 40_000.0)


def test_a_healthy_run_has_no_symptom():
    assert diagnose(healthy()) == []


def test_an_empty_record_has_no_symptom():
    assert diagnose(Record()) == []


@pytest.mark.parametrize(
    "optimizer, bound",
    [
        ({"rule": "SGD"}, 2.0),
        ({"rule": "SGD", "momentum": 0.9}, 3.8),
        ({"rule": "SGD", "momentum": 0.9, "nesterov": True}, 3.8 / 2.8),
        ({"rule": "SGD", "momentum": 0.9, "dampening": 0.9}, 38.0),
        ({"rule": "Adam", "betas": (0.9, 0.999)}, 38.0),
        ({"rule": "RMSprop", "momentum": 0.0}, 2.0),
        ({"rule": "Adagrad"}, 2.0),
        ({"rule": "NAdam", "betas": (0.9, 0.999)}, 38.0 / 2.8),
        ({"rule": "Momentum", "momentum": 0.9, "form": "average"}, 38.0),
        ({"rule": "Nesterov", "momentum": 0.9}, 3.8 / 2.8),
    ],
)
def test_the_stability_limit_of_each_optimizer(optimizer, bound):
    assert stability_bound(replace(SGD, **optimizer)).value == pytest.approx(bound)


def test_unknown_optimizers_have_no_stability_limit():
    assert stability_bound(replace(SGD, rule="LBFGS")) is None
    assert stability_bound(replace(SGD, rule="SomebodysOwn")) is None
    assert stability_bound(None) is None
    assert stability_bound(replace(SGD, momentum=0.9, dampening=1.0)) is None  # No gradient enters the momentum buffer.


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "momentum", "nesterov", "ema"])
def test_a_quadratic_diverges_above_the_stability_limit(form):
    import torch

    arguments = {
        "plain": {},
        "momentum": {"momentum": 0.9},
        "nesterov": {"momentum": 0.9, "nesterov": True},
        "ema": {"momentum": 0.9, "dampening": 0.9},
    }[form]
    bound = stability_bound(replace(SGD, **arguments)).value
    curvature = 3.0
    for share, diverges in ((0.97, False), (1.03, True)):
        weight = torch.ones(1, dtype=torch.float64, requires_grad=True)
        rule = torch.optim.SGD([weight], lr=share * bound / curvature, **arguments)
        for _ in range(4000):
            rule.zero_grad()
            (0.5 * curvature * weight.square()).sum().backward()
            rule.step()
        assert (not abs(weight.item()) <= 1) == diverges, share


def test_weight_decay_adds_to_the_curvature():
    record = healthy(weight_decay=1.0)
    assert learning_rate_times_curvature(record, "0", "curvature").first == pytest.approx(0.1 * (3 + 1))


def test_instability_needs_a_rising_cost():
    record = healthy()
    set_series(record, "curvature", "0", 50.0)
    assert ids(record) == []  # Training at the edge of stability is not a fault.
    exploding(record)
    [symptom] = diagnose(record)
    assert symptom.id == "instability" and symptom.certain  # An infinite loss is certain.
    assert symptom.value == pytest.approx(5.0) and symptom.bound == 2.0
    assert symptom.where.line == 10


def test_a_rising_cost_below_the_limit_is_not_instability():
    record = healthy()
    set_series(record, "loss", "0", [2.3 + step / 50 for step in range(200)])
    assert "instability" not in ids(record)


def test_an_infinite_loss_is_always_reported():
    record = healthy()
    exploding(record)  # The steps are below the limit.
    [symptom] = diagnose(record)
    assert symptom.id == "instability" and symptom.certain
    assert "no earlier step exceeded" in symptom.sentence


def test_a_diverged_run_is_unstable_even_without_a_measured_curvature():
    record = healthy()
    exploding(record)
    del record.readings["curvature", "0"], record.readings["curvature_standardised", "0"]
    [symptom] = diagnose(record)
    assert symptom.id == "instability"


def test_exceeding_the_limit_after_the_rise_is_not_its_cause():
    record = healthy()
    set_series(record, "curvature", "0", [5.0] * 10 + [500.0] * 10)
    steps = len(record.series("loss", "0"))
    set_series(record, "loss", "0", [2.3 if i < 5 else 9.0 for i in range(steps)])
    assert summarise(record).first_rise("0") < 100
    assert "instability" not in ids(record)


def test_instability_caused_by_unscaled_inputs_is_one_finding():
    record = healthy()
    raw_inputs(record)
    set_series(record, "curvature", "0", 300.0)
    exploding(record)
    found = diagnose(record)
    assert [s.id for s in unexplained_symptoms(found)] == ["inputs_not_normalised"]
    assert "instability" in found[0].explains
    assert "with standardised inputs 0.3" in found[0].sentence


def test_inputs_are_not_reported_if_standardised_ones_would_also_be_unstable():
    record = healthy()
    raw_inputs(record)
    set_series(record, "curvature", "0", 300.0)
    set_series(record, "curvature_standardised", "0", 100.0)
    set_series(record, "loss", "0", [min(3.0 * 1.3**i, 50.0) for i in range(200)])
    set_series(record, "metric", "negative_log_likelihood", 0.4)
    assert ids(record) == ["instability"]


def test_raw_inputs_of_a_run_that_trains_well_are_not_reported():
    record = healthy()
    raw_inputs(record)
    assert ids(record) == []


def test_ill_conditioned_inputs_of_usual_scale_are_not_reported():
    record = healthy()
    raw_inputs(record, rms=1.2)
    stuck(record)
    assert ids(record) == []


def test_inputs_that_are_far_too_small_are_reported():
    record = healthy()
    raw_inputs(record, rms=0.01)
    stuck(record)
    assert ids(record) == ["inputs_not_normalised"]


@pytest.mark.parametrize("activation, floor", [("softmax", 1.4612), ("sigmoid", 1.4612), ("tanh", 0.7966)])
def test_bounded_outputs_before_cross_entropy_have_a_lowest_loss(activation, floor):
    record = healthy()
    change(record, facts.LossInput, activation=activation)
    [symptom] = diagnose(record)
    assert symptom.id == "output_loss_mismatch" and symptom.certain
    assert symptom.bound == pytest.approx(floor, abs=1e-4)


def test_the_lowest_loss_is_that_of_the_best_bounded_logits():
    import torch

    right = torch.nn.functional.one_hot(torch.arange(10), 10).float()
    assert lowest_cross_entropy(10, 0, 1) == pytest.approx(
        torch.nn.functional.cross_entropy(right, torch.arange(10)).item()
    )


@pytest.mark.parametrize("activation", [None, "log_softmax", "leaky_relu", "gelu"])
def test_unbounded_outputs_before_cross_entropy_are_not_reported_as_certain(activation):
    record = healthy()
    change(record, facts.LossInput, activation=activation)
    assert ids(record) == []


def test_double_sigmoid_missing_log_and_unreachable_targets_are_reported():
    record = healthy()
    change(record, facts.LossInput, function="binary_cross_entropy_with_logits", activation="sigmoid")
    assert ids(record) == ["output_loss_mismatch"]
    change(record, facts.LossInput, function="nll_loss", activation="softmax")
    assert ids(record) == ["output_loss_mismatch"]
    change(record, facts.LossInput, function="mse_loss", activation="sigmoid")
    change(record, facts.Targets, std=3.0, mean=2.0, min=-1.0, max=9.0)
    assert ids(record) == ["output_loss_mismatch"]
    change(record, facts.Targets, min=0.0, max=1.0)
    assert ids(record) == []


def test_dead_units_are_reported_only_if_the_cost_does_not_fall():
    record = healthy()
    set_series(record, "dead_share", "1", 0.9)
    assert ids(record) == []
    stuck(record)
    [symptom] = diagnose(record)
    assert symptom.id == "dead_units" and not symptom.certain


def test_a_layer_that_is_dead_from_the_start_is_certain():
    record = healthy()
    stuck(record)
    set_series(record, "dead_share", "1", 1.0)
    [symptom] = diagnose(record)
    assert symptom.certain and symptom.value == 1.0


def test_a_third_of_dead_units_is_not_reported():
    record = healthy()
    stuck(record)
    set_series(record, "dead_share", "1", 0.33)
    assert ids(record) == []


def test_gradients_that_are_never_cleared_are_reported():
    record = healthy()
    change(record, facts.Wiring, "0", gradients_cleared=False)
    [symptom] = diagnose(record)
    assert symptom.id == "no_zero_grad" and symptom.certain


def test_gradients_that_are_cleared_in_some_steps_are_not_reported():
    record = healthy()
    change(record, facts.Wiring, "0", gradients_cleared=False)
    change_one(record, facts.Wiring, 4, "0", gradients_cleared=True)
    assert ids(record) == []


def test_units_that_stay_identical_are_reported():
    record = healthy()
    set_series(record, "duplicate_share", "0.weight", 1.0)
    [symptom] = diagnose(record)
    assert symptom.id == "symmetric_units" and symptom.module == "0.weight"


def test_units_that_differ_after_the_first_step_are_not_reported():
    record = healthy()
    set_series(record, "duplicate_share", "0.weight", [1.0] + [0.0] * 19)
    assert ids(record) == []


def test_consequences_are_folded_under_their_cause():
    record = healthy()
    change(record, facts.Wiring, "0", gradients_cleared=False)
    set_series(record, "curvature", "0", 300.0)
    exploding(record)
    found = diagnose(record)
    assert [s.id for s in found] == ["no_zero_grad", "instability"]
    assert [s.id for s in unexplained_symptoms(found)] == ["no_zero_grad"]
    assert found[0].explains == {"instability"}


def test_select_and_ignore():
    record = healthy()
    change(record, facts.Wiring, "0", gradients_cleared=False)
    assert diagnose(record, select=["dead_units"]) == []
    assert diagnose(record, ignore=["no_zero_grad"]) == []


@pytest.mark.parametrize("name", CATALOG)
def test_every_symptom_has_a_page_and_a_source(name):
    from descend.doctor.commands.explanation import explanation

    page, entry = explanation(name), CATALOG[name]
    assert entry.advice or entry.remedies  # A problem without remedies has advice.
    assert "How it is detected" in page and "\nRemedies\n" in page and len(page.splitlines()) > 5
    assert "".join(entry.advice.split()) in "".join(page.split())


def test_the_cost_of_a_constant_prediction():
    record = healthy()
    assert constant_cost(record) == 2.3
    binary = Record()
    binary.add(Reading("metric", "negative_log_likelihood", 0, 0.6))
    assert constant_cost(binary) is None
    assert not summarise(record).is_stuck("0")
    stuck(record)
    assert summarise(record).is_stuck("0")
    assert math.isnan(Record().series("x").last)
