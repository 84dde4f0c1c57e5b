"""Which of the places that an instrument points at a general edit is made at."""

import sys
from dataclasses import asdict
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "symptoms"))

from records import add_site, change, healthy, observe
from test_doses import SYMPTOM

from descend.doctor.doses import (
    all_on_the_way,
    alteration,
    light_penalty,
    on_the_way,
    other_convention,
    rate_times,
    usual_argument,
)
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Edit

CROSSING = facts.Crossing(
    function="clamp",
    line=9,
    edit="skip",
    before=1.0,
    behind=0.1,
    constant=1.2,
    in_head=True,
    has_parameters=False,
)
OTHER = asdict(Edit(edit="set", keyword="dim", index=0, value=1))


def altered() -> Record:
    """Two lines write to the gradients, one of them twice, and two to the parameters."""
    record = healthy()
    for key, (kind, line) in enumerate([("gradient", 26), ("gradient", 26), ("gradient", 27), ("parameters", 30)]):
        add_site(record, f"altered_{kind}", str(key), line, "mul")
    add_site(record, "altered_parameters", "4", 31, "round")
    return record


def on_all_ways() -> Record:
    """Calls of each kind between data and network, and between network and loss."""
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
    """Adam with three arguments that are not its own defaults, and a scheduler of another kind."""
    odd = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}
    rule = {"rule": "Adam", "betas": (0.5, 0.5), "eps": 1.0, "weight_decay": 0.1, "maximize": True}
    return healthy(**rule, unusual=odd)


@pytest.mark.parametrize(("number", "line"), [(0, 26), (1, 27), (2, 30), (3, 31), (4, None)])
def test_each_line_that_changes_something_is_left_out_once(number, line):
    dose = alteration(number)(altered(), SYMPTOM)
    assert dose is None if line is None else dose["line"] == line


def test_edits_of_one_kind_are_counted_apart():
    record = on_all_ways()
    assert on_the_way(facts.OnLoss, "turn", 1)(record, SYMPTOM)["place"] == "3"
    assert on_the_way(facts.OnLoss, "exchange", 0)(record, SYMPTOM)["both"] == "2 and 3"
    assert on_the_way(facts.OnInputs, "turn", 0)(record, SYMPTOM) is None
    assert on_the_way(facts.OnInputs, "skip", 8)(record, SYMPTOM) is None


def test_all_calls_of_a_kind_are_left_out_together():
    dose = all_on_the_way(facts.OnInputs, "skip")(on_all_ways(), SYMPTOM)
    assert dose["places"] == [str(i) for i in range(8)] and dose["lines"] == "10, 11, 12, 13, 14, 15, 16, 17"
    assert all_on_the_way(facts.Crossing, "skip")(on_all_ways(), SYMPTOM) is None  # that one is tried by itself


def test_labels_of_two_values_are_written_otherwise():
    asked = [other_convention(number)(on_all_ways(), SYMPTOM) for number in range(4)]
    assert [dose["expression"] for dose in asked] == ["1 - t0", "2 * t0 - 1", "-t1", "(t1 + 1) / 2"]
    assert other_convention(16)(on_all_ways(), SYMPTOM) is None
    known = on_all_ways()
    change(known, facts.LossInput, by_hand=False)  # what torch's losses mean by labels is known
    assert other_convention(0)(known, SYMPTOM) is None


def test_a_penalty_is_made_a_hundredth_of_the_rest():
    assert light_penalty(on_all_ways(), SYMPTOM) == {"kind": "penalty", "place": "0", "factor": 0.002}  # 0.01 · 0.2/0.8
    record = on_all_ways()
    change(record, facts.Connections, share=1.0)
    assert light_penalty(record, SYMPTOM) is None and light_penalty(altered(), SYMPTOM) is None


def test_arguments_of_the_rule_that_are_not_its_defaults():
    record = unusual()
    dose = usual_argument(1)(record, SYMPTOM)
    assert dose == {"argument": "eps", "value": 1e-8, "default": 1e-8, "old": 1.0, "optimizer": "0"}
    assert usual_argument(0)(record, SYMPTOM)["value"] == [0.9, 0.999]
    assert usual_argument(3)(record, SYMPTOM) is None and usual_argument(0)(healthy(), SYMPTOM) is None


def test_so_many_times_the_rate():
    assert rate_times(10.0)(healthy(lr=0.1), SYMPTOM) == {"lr": 1.0, "old": 0.1, "optimizer": "0"}
