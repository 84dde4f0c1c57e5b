"""Facts are typed: a fact that was sent is read back equal, and unknown fields are reported."""

from typing import Any

import pytest

from descend.doctor.record import Fact, Observed, Record, facts
from descend.doctor.record.facts.typed import KINDS, typed
from descend.doctor.record.wire import decode, encode

CLIP = facts.Clip("clip_grad_norm_", 0.5)


def sent(*seen: Fact) -> Record:
    record = Record()
    for line in encode(seen).splitlines(keepends=True):
        record.extend(decode(line))
    return record


def test_a_fact_is_read_back_as_it_was_sent():
    record = sent(Fact.of(CLIP, 3), Fact.of(facts.Singular("sqrt", float("inf")), 0, "1"))
    assert record.fact(facts.Clip) == CLIP and record.fact(facts.Clip, "1") is None
    assert record.every(facts.Singular) == {"1": facts.Singular("sqrt", float("inf"))}


def test_the_latest_fact_counts_and_all_facts_are_kept():
    later = facts.Clip("clip_grad_value_", 2.0)
    record = sent(Fact.of(CLIP, 3), Fact.of(later, 7))
    assert record.fact(facts.Clip) == later
    assert record.history(facts.Clip) == [Observed(3, CLIP), Observed(7, later)]
    assert Record().fact(facts.Clip) is None and Record().history(facts.Clip) == []


def test_the_name_of_a_fact_is_its_class_name_in_snake_case():
    assert facts.name_of(facts.ConstantTerm) == "constant_term" and KINDS["constant_term"] is facts.ConstantTerm


@pytest.mark.parametrize("detail", [{"function": 3, "limit": 1.0}, {"function": "f"}, {"function": "f", "limit": "1"}])
def test_a_value_of_a_wrong_type_is_refused(detail: dict[str, Any]):
    with pytest.raises(ValueError, match=r"Expected|missing"):
        typed(facts.Clip, detail)


FLAT = {"class": "Odd", "groups": 1, "parameters": 8, "lr": 1, "betas": [0.9, 0.99], "nesterov": 1, "foreach": None}


def test_the_settings_of_a_param_group_are_sorted_into_fields():
    odd = {"momentum": True, "eps": [1e-30, 1e-3], "weight_decay": None, "steps": [1e-6, 50]}
    optimizer = facts.optimizer_of(FLAT | odd)
    others = {"foreach": None, "momentum": True, "eps": (1e-30, 1e-3), "weight_decay": None, "steps": (1e-6, 50)}
    known = facts.Optimizer("Odd", 1, 8, lr=1, betas=(0.9, 0.99), nesterov=True, hyperparameters=others)
    assert optimizer == known and optimizer.eps is None  # a value of an unexpected type is not stored in a field
    assert optimizer.settings == {"lr": 1, "betas": (0.9, 0.99), "nesterov": True} | others
    assert sent(Fact.of(optimizer, 0, "0")).fact(facts.Optimizer, "0") == optimizer


def test_base_classes_and_parts_of_facts_are_not_sent_by_themselves():
    assert {"on_inputs", "connections", "timed_out", "stage", "surface_view"} < KINDS.keys()
    assert KINDS.keys().isdisjoint({"edit", "editable", "network_size", "broadcast", "line", "axis", "estimate"})
