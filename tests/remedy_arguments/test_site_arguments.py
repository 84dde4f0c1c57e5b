"""The recorded calls and statements that a remedy edits or removes."""

from dataclasses import asdict

import pytest
from records import add_site, change, healthy, observe
from test_argument_values import SYMPTOM

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Edit
from descend.doctor.remedy_arguments.learning_rates import scaled_rate
from descend.doctor.remedy_arguments.losses import light_penalty
from descend.doctor.remedy_arguments.optimizer_settings import default_setting
from descend.doctor.remedy_arguments.sites import (
    altering_statement,
    edit_of_all_sites,
    edit_of_site,
    other_label_convention,
)

CROSSING = facts.Crossing(
    function="clamp",
    line=9,
    edit="skip",
    before=1.0,
    after=0.1,
    constant=1.2,
    in_head=True,
    has_parameters=False,
)
OTHER = asdict(Edit(edit="set", keyword="dim", index=0, value=1))


def altered() -> Record:
    """Return a run with two lines that write to gradients, one of them twice, and two that write to parameters."""
    record = healthy()
    for key, (kind, line) in enumerate([("gradient", 26), ("gradient", 26), ("gradient", 27), ("parameters", 30)]):
        add_site(record, f"altered_{kind}", str(key), line, "mul")
    add_site(record, "altered_parameters", "4", 31, "round")
    return record


def all_calls() -> Record:
    """Return a run with calls of each kind between the data, the network and the loss."""
    record = healthy()
    edits = [Edit(edit="turn"), Edit(edit="exchange", argument=1), Edit(edit="skip")]
    for i in range(8):
        observe(record, facts.OnInputs(function="roll", line=10 + i, edit="skip", feeds=True), str(i))
        observe(record, facts.OnFetched(function="flip", line=70 + i, edit="skip"), str(i))
        observe(record, facts.Prepared(line=80 + i, edit="leave"), str(i))
        observe(record, facts.Prepared(line=60 + i, edit="transpose"), str(16 + i))
        observe(record, facts.Prepared(line=45 + i, edit="exchange"), str(32 + i))
        observe(record, facts.Prepared(function="flip", line=55 + i, edit="skip"), str(40 + i))
        observe(record, facts.Prepared(line=50 + i, edit="partner", moved="x", partner="y"), str(24 + i))
        observe(record, facts.TwoValued(-(i % 2), 1), f"t{i}")
        observe(record, facts.Prepared(line=90 + i, edit="transform"), str(8 + i))
        observe(record, facts.OnEvaluated(function="roll", line=40 + i, edit="skip", feeds=True), f"0.{i}")
        observe(record, facts.LossTerm(side=0, line=60 + i, edit="weigh", factor=20.0, pull=0.1), str(i))
        observe(record, facts.OfLoss(function="mul", line=50 + i, edit="skip"), str(i))
        observe(record, facts.OnNetwork(function="tanh", line=30 + i, edit="skip", passes=0.1), str(i))
    observe(record, CROSSING, "0")
    change(record, facts.Connections, share=0.2)
    add_site(record, "penalty", "0", 12, "mul")
    change(record, facts.LossInput, by_hand=True)
    for i in range(8):
        observe(record, facts.OnInputs(function="ne", line=70 + i, edit="invert", feeds=True), str(40 + i))
        observe(record, facts.OnInputs(function="argsort", line=80 + i, feeds=True, **OTHER), str(8 + i))
        observe(record, facts.OnLoss(function="sum", line=90 + i, feeds=False, **OTHER), str(30 + i))
    observe(record, facts.OnMeasured(function="argmax", line=99, **OTHER), "0.0")
    observe(record, facts.OnMeasured(function="mul", line=98, edit="skip"), "0.1")
    for number in range(8):
        for i, edit in enumerate(edits):
            call = facts.OnLoss(function="sub", line=20 + number, feeds=False, **asdict(edit))
            observe(record, call, str(3 * number + i))
    return record


def unusual() -> Record:
    """Return a run of Adam with three arguments that are not its defaults."""
    odd = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}
    rule = {"rule": "Adam", "betas": (0.5, 0.5), "eps": 1.0, "weight_decay": 0.1, "maximize": True}
    return healthy(**rule, unusual=odd)


@pytest.mark.parametrize(("number", "line"), [(0, 26), (1, 27), (2, 30), (3, 31), (4, None)])
def test_each_statement_that_changes_gradients_or_parameters_is_removed_once(number, line):
    values = altering_statement(number)(altered(), SYMPTOM)
    assert values is None if line is None else values["line"] == line


def test_edits_of_each_kind_are_counted_separately():
    record = all_calls()
    assert edit_of_site(facts.OnLoss, "turn", 1)(record, SYMPTOM)["place"] == "3"
    assert edit_of_site(facts.OnLoss, "exchange", 0)(record, SYMPTOM)["both"] == "2 and 3"
    assert edit_of_site(facts.OnInputs, "turn", 0)(record, SYMPTOM) is None
    assert edit_of_site(facts.OnInputs, "skip", 8)(record, SYMPTOM) is None


def test_all_calls_of_a_kind_are_removed_together():
    values = edit_of_all_sites(facts.OnInputs, "skip")(all_calls(), SYMPTOM)
    assert values["places"] == [str(i) for i in range(8)] and values["lines"] == "10, 11, 12, 13, 14, 15, 16, 17"
    assert edit_of_all_sites(facts.Crossing, "skip")(all_calls(), SYMPTOM) is None


def test_binary_labels_get_other_values():
    chosen = [other_label_convention(number)(all_calls(), SYMPTOM) for number in range(4)]
    assert [values["expression"] for values in chosen] == ["1 - t0", "2 * t0 - 1", "-t1", "(t1 + 1) / 2"]
    assert other_label_convention(16)(all_calls(), SYMPTOM) is None
    known = all_calls()
    change(known, facts.LossInput, by_hand=False)  # a loss of torch defines the meaning of labels
    assert other_label_convention(0)(known, SYMPTOM) is None


def test_a_penalty_is_reduced_to_a_hundredth_of_the_other_terms():
    assert light_penalty(all_calls(), SYMPTOM) == {"kind": "penalty", "place": "0", "factor": 0.002}  # 0.01 · 0.2/0.8
    record = all_calls()
    change(record, facts.Connections, share=1.0)
    assert light_penalty(record, SYMPTOM) is None and light_penalty(altered(), SYMPTOM) is None


def test_unusual_settings_of_the_optimizer_get_their_defaults():
    record = unusual()
    values = default_setting(1)(record, SYMPTOM)
    assert values == {"argument": "eps", "value": 1e-8, "default": 1e-8, "old": 1.0, "optimizer": "0"}
    assert default_setting(0)(record, SYMPTOM)["value"] == [0.9, 0.999]
    assert default_setting(3)(record, SYMPTOM) is None and default_setting(0)(healthy(), SYMPTOM) is None


def test_the_learning_rate_is_multiplied_by_a_factor():
    assert scaled_rate(10.0)(healthy(lr=0.1), SYMPTOM) == {"lr": 1.0, "old": 0.1, "optimizer": "0"}
