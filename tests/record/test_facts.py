"""Facts have types: what is sent of one comes back as one, and what its type doesn't know is told."""

from dataclasses import asdict, dataclass
from typing import Any

import pytest

from descend.doctor.record import Fact, Observed, Record, facts
from descend.doctor.record.facts import older
from descend.doctor.record.facts.typed import KINDS, typed
from descend.doctor.record.wire import decode, encode

CLIP = facts.Clip("clip_grad_norm_", 0.5)


def sent(*seen: Fact) -> Record:
    record = Record()
    for line in encode(seen).splitlines(keepends=True):
        record.extend(decode(line))
    return record


def test_a_fact_comes_back_as_it_was_sent():
    record = sent(Fact.of(CLIP, 3), Fact.of(facts.Singular("sqrt", float("inf")), 0, "1"))
    assert record.fact(facts.Clip) == CLIP and record.fact(facts.Clip, "1") is None
    assert record.every(facts.Singular) == {"1": facts.Singular("sqrt", float("inf"))}


def test_the_latest_counts_and_all_are_kept():
    later = facts.Clip("clip_grad_value_", 2.0)
    record = sent(Fact.of(CLIP, 3), Fact.of(later, 7))
    assert record.fact(facts.Clip) == later
    assert record.history(facts.Clip) == [Observed(3, CLIP), Observed(7, later)]
    assert Record().fact(facts.Clip) is None and Record().history(facts.Clip) == []


def test_a_name_is_the_class_in_words():
    assert facts.name_of(facts.ConstantTerm) == "constant_term" and KINDS["constant_term"] is facts.ConstantTerm


@pytest.mark.parametrize("detail", [{"function": 3, "limit": 1.0}, {"function": "f"}, {"function": "f", "limit": "1"}])
def test_what_is_of_another_type_is_refused(detail: dict[str, Any]):
    with pytest.raises(ValueError, match=r"Expected|missing"):
        typed(facts.Clip, detail)


def test_a_field_that_was_renamed_is_read_by_its_new_name(monkeypatch):
    @dataclass(frozen=True)
    class Rate:
        lr: float

    monkeypatch.setitem(older.RENAMED, "Rate", {"alpha": "lr"})
    assert asdict(typed(Rate, {"alpha": 1})) == {"lr": 1.0}


def test_a_type_that_was_renamed_is_read_by_its_new_name(monkeypatch):
    monkeypatch.setitem(older.CALLED, "clipping", "clip")
    assert sent(Fact("clipping", "", 0, asdict(CLIP))).fact(facts.Clip) == CLIP


FLAT = {"class": "Odd", "groups": 1, "parameters": 8, "lr": 1, "betas": [0.9, 0.99], "nesterov": 1, "foreach": None}


def test_an_optimizer_whose_hyper_parameters_stood_among_the_rest_has_them_sorted():
    odd = {"momentum": True, "eps": [1e-30, 1e-3], "weight_decay": None, "steps": [1e-6, 50]}
    optimizer = sent(Fact("optimizer", "0", 0, FLAT | odd)).fact(facts.Optimizer, "0")
    others = {"foreach": None, "momentum": True, "eps": (1e-30, 1e-3), "weight_decay": None, "steps": (1e-6, 50)}
    known = facts.Optimizer("Odd", 1, 8, lr=1, betas=(0.9, 0.99), nesterov=True, hyperparameters=others)
    assert optimizer == known and optimizer.eps is None  # one of another type than readers know is no field
    assert optimizer.settings == {"lr": 1, "betas": (0.9, 0.99), "nesterov": True} | others
    assert sent(Fact.of(optimizer, 0, "0")).fact(facts.Optimizer, "0") == optimizer == facts.optimizer_of(FLAT | odd)


def test_what_others_begin_with_or_tell_within_them_is_not_sent_by_itself():
    assert {"on_inputs", "connections", "cut_off", "stage", "surface_view"} < KINDS.keys()
    assert KINDS.keys().isdisjoint({"edit", "editable", "extent", "broadcast", "line", "axis", "estimate"})
