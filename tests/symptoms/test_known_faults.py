"""What is known to be wrong with the symptoms: each test fails today, and says how it should be.

Whoever mends one takes its mark away and moves it to its neighbours.
"""

from math import inf, nan

import pytest
from records import (
    STEPS,
    add_fact,
    forget,
    healthy,
    probe,
    real,
    rising,
    second_optimizer,
    set_cost,
    set_fact,
    set_series,
)
from sick_dynamics import cliff, clipping_too_hard, local_optima, oscillation, schedule, slow_progress
from sick_layers import covariate_shift, layer_rate_mismatch, saddle_point
from sick_runs import RUNS, look
from sick_statics import bad_initialisation, inputs_not_normalised, outliers, strong_dropout
from sick_wiring import constant_labels, labels_out_of_range, no_step, output_before_loss, parameters_not_in_optimizer

from descend.record import Ending, Record
from descend.symptoms import SYMPTOMS, Symptom, causes, diagnose
from descend.symptoms.progress import constant_cost, first_rise, is_stuck
from descend.symptoms.stability import stability_bound

pytestmark = pytest.mark.xfail(strict=True, reason="known fault")
ADAM = {"class": "Adam", "lr": 1e-3, "betas": [0.9, 0.999]}


def ids(record: Record) -> list[str]:
    return [symptom.id for symptom in causes(diagnose(record))]


# ---------------------------------------------------------------- it stumbles


def test_a_dampening_of_one_has_no_bound():
    assert stability_bound({"class": "SGD", "momentum": 0.9, "dampening": 1.0}) is None


def test_clipping_at_zero_is_too_hard():
    assert look(clipping_too_hard, limit=0.0).value == 0.0


def test_a_start_without_any_gradient_is_a_saddle_point():
    assert look(saddle_point, first=0.0).value == inf


# ---------------------------------------------------------------- it accuses the innocent


def test_a_generator_whose_labels_are_all_one_is_no_fault():
    record = constant_labels()
    second_optimizer(record, [2.3] * STEPS)
    assert SYMPTOMS["labels_wrong"](record) is None


def test_a_gan_is_no_warm_start():
    record = healthy(**ADAM)
    set_cost(record, rising)
    second_optimizer(record, [0.69 + step / 100 for step in range(STEPS)], **ADAM)
    assert SYMPTOMS["warm_start"](record) is None


def test_a_pretrained_backbone_left_out_beside_a_loose_parameter_that_is_held():
    record = parameters_not_in_optimizer(fresh=0.0, left=0.01)
    set_fact(record, "connections", unregistered=1)  # a learned temperature, in the optimizer; of no module
    assert SYMPTOMS["parameters_not_in_optimizer"](record) is None


def test_a_script_that_failed_before_its_first_accumulated_step():
    record = no_step(passes=5)
    record.ending = Ending("failed", 1, 0, error="RuntimeError: the disk is full")
    assert SYMPTOMS["no_step"](record) is None


def test_an_adaptive_rule_does_not_mind_how_hard_it_is_clipped():
    assert look(clipping_too_hard, **ADAM) is None


def test_groups_that_differ_in_decay_alone_have_no_rates_of_their_own():
    assert look(layer_rate_mismatch, rates=[0.1, 0.1]) is None


def test_a_linear_model_has_one_optimum():
    record = local_optima()
    for name in ("activation", "activation_scale", "dead_share"):
        forget(record, name)
    assert SYMPTOMS["local_optima"](record) is None


def test_a_cost_that_rises_in_the_end_has_not_been_flat():
    assert look(saddle_point, cost=lambda t: 1.0 if t == 0 or t > 0.95 else 0.5) is None


def test_infinite_and_missing_targets_are_bad_data_and_nothing_else():
    assert look(outliers, far=inf) is None
    record = output_before_loss(function="mse_loss", activation="sigmoid", low=0.0, high=1.0)
    set_fact(record, "targets", min=nan, max=nan, std=nan, mean=nan)
    assert SYMPTOMS["output_loss_mismatch"](record) is None


def test_a_second_loss_that_is_high_is_no_rise():
    record = healthy()
    losses = record.series("loss", "0").values
    set_series(record, "loss", "0", [losses[0], 9.0, *losses[2:]])
    assert first_rise(record, "0") is None


def test_a_run_of_which_nothing_is_known_is_not_stuck():
    assert not is_stuck(Record(), "0")


# ---------------------------------------------------------------- it gets numbers, lines or words wrong


def test_an_adaptive_rules_bound_is_not_for_the_plain_curvature():
    record = inputs_not_normalised(left=0.91)
    set_fact(record, "optimizer", "0", **ADAM)
    set_series(record, "learning_rate", "0", 1e-3)
    probe(record, "curvature", "0", [1e5])  # before the first step there is no other
    probe(record, "curvature_standardised", "0", [5.0])
    assert "α·λmax" not in SYMPTOMS["inputs_not_normalised"](record).sentence


def test_squared_errors_of_whole_numbers_are_not_measured_by_an_entropy():
    record = healthy()
    real(record)
    record.facts["targets", ""] = []
    add_fact(record, "targets", dtype="int64", count=256, min=0, max=9, classes_seen=10, entropy=2.3)
    assert constant_cost(record) is None


def test_the_dropout_that_is_too_much_is_pointed_at():
    assert look(strong_dropout).where.line == 7


def test_the_label_that_is_out_of_range_is_the_number():
    symptom = look(labels_out_of_range)
    assert (symptom.value, symptom.bound) == (-1.0, 0.0)


def test_a_single_layers_scale_has_a_bound_of_its_own():
    symptom = look(bad_initialisation, scales=[0.0099])
    assert (symptom.value, symptom.bound) == (0.0099, 0.01)


def test_what_lies_above_a_bound_is_not_just_below_it():
    assert "just below" not in look(oscillation, curvature=22.0).sentence


def test_a_cliff_is_where_the_loss_first_stops_being_finite():
    record = cliff(at=100)
    set_series(record, "loss", "0", [2.3] * 20 + [1.0] * 80 + [nan] * 100)
    assert "at step 100 " in SYMPTOMS["cliff"](record).sentence


# ---------------------------------------------------------------- it overlooks what its own words promise


def test_a_rate_that_is_never_brought_up():
    record = schedule(until=0, tiny=1e-4)  # the optimizer is made with 0.1, and warmed up without an end
    assert "stays below" in SYMPTOMS["schedule"](record).sentence


def test_a_scale_that_shrinks_has_drifted_as_well():
    assert look(covariate_shift, grows=1 / 20) is not None


# ---------------------------------------------------------------- it folds too little


def test_what_a_consequence_explains_is_folded_with_it():
    def symptom(name: str, *explains: str) -> Symptom:
        return Symptom(name, "dynamics", True, 0.9, "", "", 0.0, 0.0, "", explains=frozenset(explains))

    a, b, c = symptom("a", "b"), symptom("b", "c"), symptom("c")
    assert causes([a, b, c]) == [a]  # "that no earlier one explains"


def test_what_a_symptom_explains_comes_after_it():
    names = list(SYMPTOMS)
    shown = [look(run) for run in RUNS if run is not output_before_loss]
    too_early = {(s.id, name) for s in shown for name in s.explains if names.index(name) < names.index(s.id)}
    assert not too_early  # what came first is not folded any more


def test_data_that_are_not_finite_hide_everything_that_is_read_off_the_loss():
    record = slow_progress()
    set_series(record, "loss", "0", [*record.series("loss", "0").values[:-1], nan])
    add_fact(record, "bad_data", "", STEPS - 1, where="inputs", values=1, nan=1, examples=1, of=32)
    assert ids(record) == ["bad_data"]
