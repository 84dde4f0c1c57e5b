"""Wiring faults of optimizers: gradients that are not cleared or do not arrive, and parameters that are left out."""

from dataclasses import replace

import pytest
from records import LINES, STEPS, WEIGHTS, WIRED, change, forget, healthy, observe, rising, second_optimizer, set_cost
from sick_first_steps import wiped
from sick_wiring import detached

from descend.doctor.catalog.diagnosis import detect, diagnose
from descend.doctor.record import Record, facts


def test_no_zero_grad_names_the_optimizer_that_it_concerns():
    record = healthy()
    second_optimizer(record, [2.3] * STEPS)
    for step in range(6):
        observe(record, replace(WIRED, gradients_cleared=False), "1", step)
    assert detect("no_zero_grad", record).optimizer == "1"


def gan() -> Record:
    """Return a run of two adversarial optimizers: the loss rises, and each step detaches the other's network."""
    record = healthy(**{"rule": "Adam", "lr": 2e-4, "betas": (0.5, 0.999)})
    set_cost(record, rising)
    second_optimizer(record, [1.0 + step / 100 for step in range(STEPS)], **{"rule": "Adam", "lr": 2e-4})
    change(record, facts.Connections, cut=WEIGHTS, cut_count=3, cut_share_fresh=1.0, cut_numel=900, slope=-1.0)
    return record


def test_adversarial_networks_have_no_wiring_fault():
    assert [s.id for s in diagnose(gan()) if s.kind == "wiring"] == []


@pytest.mark.parametrize(("until", "since", "shown"), [(1, 0, False), (5, 0, False), (6, 0, True), (6, 1, True)])
def test_gradients_cleared_before_every_step_are_reported(until, since, shown):
    symptom = detect("no_step", wiped(until, since))
    assert (symptom is not None) == shown
    if symptom:
        assert (
            symptom.certain
            and symptom.where.line == LINES["step"]
            and "cleared between backward() and step()" in symptom.sentence
        )


@pytest.mark.parametrize(("steps", "shown"), [((120, 160), True), ((120,), False), ((0, 120), False)])
def test_layers_replaced_after_the_optimizer_was_created_are_reported(steps, shown):
    record = healthy()
    for step in steps:
        observe(record, facts.NoTrainedParameters(8), "0", step)
    symptom = detect("parameters_not_in_optimizer", record)
    assert (symptom is not None) == shown
    if symptom:
        assert symptom.certain and "from step 120 on" in symptom.sentence
    second_optimizer(record, [1.0] * 9)
    assert detect("parameters_not_in_optimizer", record) is None  # The other optimizer may hold the parameters.


def test_a_hand_written_update_leaves_no_parameter_out():
    record = healthy(by_hand=True)
    change(record, facts.Connections, untrained=("w",), untrained_count=1, untrained_numel=9, held=0)
    assert detect("parameters_not_in_optimizer", record) is None


@pytest.mark.parametrize("unreached, shown", [((("gru.w",),) * 6, True), ((("gru.w",),) * 5 + ((),), False)])
def test_weights_in_use_without_a_gradient_are_reported(unreached, shown):
    record = healthy()
    forget(record, facts.Wiring)
    for step, names in enumerate(unreached):
        observe(record, replace(WIRED, unreached=names), "0", step)
    symptom = detect("frozen_or_detached", record)
    assert (symptom is not None) == shown
    if symptom:
        assert symptom.certain and "gru.w is used" in symptom.sentence


def test_a_part_under_no_grad_is_only_suspected():
    record = detached()
    assert detect("frozen_or_detached", record).certain
    change(record, facts.Connections, cut_on_purpose=True)
    assert not detect("frozen_or_detached", record).certain
