"""The table of optimizers on six workloads: edits of a workload, recommendations, and the performance profile."""

from math import inf, isinf, nan

import pytest

from .programs import programs

runs, table, resumable = programs("workload_runs", "workload_table", "resumable")


@pytest.mark.parametrize("name", runs.NAMES)
def test_a_workload_gets_another_seed_and_another_optimizer(name):
    text = runs.with_optimizer(runs.with_seed(runs.text_of(name), 7), "Nesterov", 0.25)
    assert "\nSEED = 7\n" in text and text.startswith("import torch.optim\n")
    assert "\noptimizer = torch.optim.SGD(model.parameters(), lr=0.25, momentum=0.9, nesterov=True)\n" in text
    assert "descend.optim.Lion(" in runs.with_optimizer(text, "Lion", 1e-3)


def test_an_accuracy_becomes_an_error_and_an_unknown_value_an_infinite_cost():
    assert runs.cost_of(0.75, "test accuracy") == 0.25 and runs.cost_of(0.75, "test loss") == 0.75
    assert isinf(runs.cost_of(nan, "test loss")) and isinf(runs.cost_of(nan, "test accuracy"))


@pytest.mark.slow
def test_a_plain_search_finds_a_learning_rate_that_trains():
    text = runs.text_of("series_lstm")
    best = runs.plain_search(text, "test loss", ["SGD", "Adam"], 6)
    [cost] = runs.costs_on_seeds(runs.with_optimizer(text, best["optimizer"], best["lr"]), "test loss", [0])
    assert cost == best["cost"] < runs.cost_of(runs.final_metric(text, "test loss"), "test loss") * 3


def test_the_lower_mean_cost_is_better_only_if_it_is_clearly_lower():
    low, high = [1.0, 1.1, 0.9, 1.05], [2.0, 2.2, 1.9, 2.1]
    assert table.better_one(low, high) == "compare" and table.better_one(high, low) == "plain search"
    assert table.better_one([1.0, 2.0, 1.5], [1.6, 1.1, 1.9]) == "no clear difference"
    assert table.better_one(low, low) == "the same script"
    assert table.better_one(low, [1.0, inf, 1.0, 1.0]) == "compare"


def test_the_performance_profile_counts_workloads_within_a_factor_of_the_fastest(tmp_path):
    rows = resumable.Rows("workloads", tmp_path)
    fast, slow, never = [0.5, 0.4, 0.6], [0.7, 0.9, 0.6], [None, None, 0.1]
    for name in runs.NAMES[:2]:
        choices = [
            {"label": label, "ratios": ratios, "reason": None}
            for label, ratios in (("SGD", slow), ("Adam", fast), ("Lion", never), ("Muon", []))
        ]
        rows.add({"key": table.part_key(table.COMPARED, name), "of": name, "choices": choices})
    head, _, *lines = table.profile(rows)
    cells = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in lines}
    assert head.count("×") == 1 + len(table.FACTORS)
    assert cells["Adam"] == ["2 of 2"] * 5
    assert cells["SGD"] == ["0 of 2", "0 of 2", "2 of 2", "2 of 2", "2 of 2"]
    assert cells["Lion"] == cells["Muon"] == ["0 of 2"] * 5
    assert list(cells)[:2] == ["Adam", "SGD"]
