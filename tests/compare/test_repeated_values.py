"""The values of a choice are those that are best on several seeds, and not only on the seed of the search."""

from dataclasses import replace
from math import inf, nan

import pytest

from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.repeated_values import keep_reliable_values, repeated_run_count
from descend.doctor.compare.result import TriedValues, TunedChoice
from descend.doctor.compare.stored_comparison import StoredComparison

from .simulated_runs import HERE, METRIC, SCRIPT, SimulatedStudy, noisy

LR = Choice("sgd", lambda script, values: script.edit(HERE, f"{values['lr']:g}\n"), (Dimension("lr", 0.01, 10.0),))


def tuned(**costs: float) -> TunedChoice:
    """Return a choice after a search in which the values had these costs."""
    tried = tuple(TriedValues({"lr": float(lr[1:])}, cost, cost, 100) for lr, cost in costs.items())
    best = min(tried, key=lambda one: one.cost)
    return TunedChoice(LR, tried, best, LR.edit(SCRIPT, best.values), at_edge=("lr",))


def study_with(**costs) -> SimulatedStudy:
    return SimulatedStudy({"current": noisy(1.0), **{lr[1:]: cost for lr, cost in costs.items()}})


@pytest.mark.parametrize("divergent", [inf, nan, 1e11])
def test_values_that_diverge_with_another_seed_are_replaced_by_the_second_best_ones(divergent):
    study = study_with(x3=lambda seed: divergent if seed % 2 else 0.1, x1=noisy(0.12))
    [found] = keep_reliable_values(study, METRIC, [tuned(x3=0.1, x1=0.12, x9=inf)], StoredComparison.in_memory())
    assert found.best.values == {"lr": 1.0} and found.script == LR.edit(SCRIPT, {"lr": 1.0}) and found.at_edge == ()
    assert len(study.ran) == 4 <= repeated_run_count([LR]) and len({seed for _, seed in study.ran}) == 2


def test_reliable_values_are_kept_and_stored_runs_are_used_again():
    study, before = study_with(x3=noisy(0.1), x1=noisy(0.12)), tuned(x3=0.1, x1=0.12)
    storage = StoredComparison.in_memory()
    for _ in range(2):
        assert keep_reliable_values(study, METRIC, [before], storage) == (replace(before, repeated_steps=400),)
        assert len(study.ran) == 4


def test_without_a_close_rival_nothing_is_repeated():
    study = study_with(x3=noisy(0.1))
    alone, fixed = tuned(x3=0.1, x1=0.9), replace(tuned(x3=0.1), choice=replace(LR, dimensions=()))
    failed = TunedChoice(LR, reason="it fails")
    before = (alone, fixed, failed)
    assert keep_reliable_values(study, METRIC, before, StoredComparison.in_memory()) == before
    assert study.ran == [] and repeated_run_count([fixed.choice]) == 0
