"""The search for the best values of each choice, with runs of noisy quadratics instead of a script."""

from dataclasses import replace
from math import ceil

import pytest
from simulated import METRIC, Quadratic, SimulatedStudy, quadratic, search, sgd, write_values

from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.next_values import is_well_tuned, next_values
from descend.doctor.compare.result import TriedValues
from descend.doctor.compare.search import FURTHER_RUNS, TUNING_SEED
from descend.doctor.compare.stored_comparison import StoredComparison
from descend.doctor.remedies import NotApplicable
from descend.doctor.trials.study import NEARLY

HALF_DECADE = 10**0.5


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e2])
@pytest.mark.parametrize("condition", [10.0, 100.0, 1000.0])
@pytest.mark.parametrize("start", [0.001, 0.03, 1.0])
def test_eight_runs_find_the_best_rate_of_a_quadratic_within_half_a_decade(scale, condition, start):
    # The loss after many steps falls fastest with the rate 2/(λmin + λmax) (Nesterov 2004, Theorem 2.1.15).
    problem = quadratic(scale, scale / condition, horizon=400)
    [tuned] = search(SimulatedStudy(problem, slots=1), sgd(start)).tuned
    best = 2 / (scale + scale / condition)
    assert best / HALF_DECADE <= tuned.best.values["lr"] <= best * HALF_DECADE
    assert tuned.at_edge == ()


def test_a_wide_range_is_searched_although_the_first_value_is_better_than_its_neighbour():
    choice = replace(sgd(10.0), dimensions=(Dimension("lr", 1e-4, 10.0),))
    tried = [TriedValues({"lr": rate}, cost, cost, 60) for rate, cost in ((10.0, 2.30), (1.0, 2.31), (100.0, 2.32))]
    assert next_values(choice.dimensions, choice.starts, tried) == {"lr": 0.01}  # the middle between 1e-4 and 1
    assert next_values(choice.dimensions, choice.starts, [*tried, TriedValues({"lr": 0.01}, 0.2, 0.2, 60)]) == {
        "lr": 0.1
    }


def test_a_choice_without_settings_has_one_run():
    study = SimulatedStudy(quadratic(1.0, 0.1))
    decay = Choice("decay", lambda script, values: write_values(script, {"lr": 0.3}))
    [tuned] = search(study, decay).tuned
    assert [run.values for run in tuned.tried] == [{}] and tuned.best.cost < 0.1
    assert study.runs == [{}, {"lr": 0.3}]  # The first run is that of the unchanged script.


def test_the_current_values_are_tried_first_and_are_the_run_of_the_unchanged_script():
    study = SimulatedStudy(quadratic(1.0, 0.1))
    own = Choice(
        "SGD",
        lambda script, values: script if values == {"lr": 0.01} else write_values(script, values),
        sgd().dimensions,
        ({"lr": 0.01},),
        keeps_optimizer=True,
    )
    found = search(study, own)
    [tuned] = found.tuned
    assert tuned.tried[0].values == {"lr": 0.01} and study.runs[0] == {}
    assert {"lr": 0.01} not in study.runs
    assert len(found.run_numbers) == len(study.runs) == len(tuned.tried)


def test_every_choice_has_the_same_budget_and_a_stopped_run_uses_only_its_steps():
    study = SimulatedStudy(quadratic(1.0, 0.1))
    choices = [replace(sgd(start), label=str(start), family=str(start)) for start in (0.001, 0.3, 5.0)]
    tuned = search(study, *choices).tuned
    budget = 8 * study.problem.horizon
    for choice in tuned:
        assert choice.steps <= budget
        counted = sum(max(run.steps, 0.1 * study.problem.horizon) for run in choice.tried)
        assert counted > budget - study.problem.horizon  # No further run would fit.
    stopped = [run for choice in tuned for run in choice.tried if run.is_stopped_early]
    assert stopped and all(run.steps < study.problem.horizon / 2 and run.cost == float("inf") for run in stopped)


def test_diverged_runs_have_a_reason_and_an_infinite_cost():
    [tuned] = search(SimulatedStudy(quadratic(1.0, 0.1)), sgd(9.0)).tuned
    first = tuned.tried[0]
    assert first.cost == float("inf") and "infinite or NaN" in first.reason and 0 < first.steps < 20
    assert tuned.best is not None and tuned.reason == ""


def test_a_choice_whose_runs_all_fail_is_given_up_with_the_reason():
    def refuse(script, values):
        raise NotApplicable("the script has no optimizer")

    study = SimulatedStudy(quadratic(1.0, 0.1))
    failing, working = search(study, replace(sgd(), label="Lion", family="Lion", edit=refuse), sgd()).tuned
    assert failing.best is None and failing.script is None and failing.reason == "the script has no optimizer"
    assert len(failing.tried) == 5 and working.best is not None


def test_the_range_is_left_where_the_best_value_is_outside():
    problem = quadratic(1e-2, 1e-3, horizon=300)
    narrow = Dimension("lr", 1e-3, 0.1, is_open=True)
    [opened] = search(SimulatedStudy(problem), replace(sgd(), dimensions=(narrow,))).tuned
    [closed] = search(SimulatedStudy(problem), replace(sgd(), dimensions=(replace(narrow, is_open=False),))).tuned
    assert opened.best.values["lr"] > 30
    assert closed.best.values["lr"] == 0.1 and closed.at_edge == ("lr",)


def test_current_values_outside_the_limits_of_the_user_are_tried_and_left():
    limited = replace(sgd(9.0), dimensions=(Dimension("lr", 1e-3, 0.1),))
    [tuned] = search(SimulatedStudy(quadratic(1.0, 0.1)), limited).tuned
    assert tuned.tried[0].values == {"lr": 9.0}
    assert all(1e-3 <= run.values["lr"] <= 0.1 for run in tuned.tried[1:]) and len(tuned.tried) >= 8


def test_a_choice_is_also_tried_at_the_best_point_of_a_choice_that_it_contains():
    study = SimulatedStudy(quadratic(1.0, 0.01, noise=0.01))
    fixed = replace(sgd(), label="SGD without momentum", fixed={"momentum": 0.0})
    momentum = Dimension("momentum", 0.0, 0.99, is_log=False)
    # With this start, the larger space is searched at the wrong place.
    wide = replace(
        sgd(), label="SGD", dimensions=(*sgd().dimensions, momentum), starts=({"lr": 1e-5, "momentum": 0.9},)
    )
    small, large = search(study, fixed, wide, runs=3).tuned
    assert large.best.cost <= small.best.cost
    assert large.best.values == {**small.best.values, "momentum": 0.0}
    assert large.tried[-1] == large.best and len(large.tried) == len(small.tried) + 1


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("start", [0.003, 0.02, 0.3, 1.2])
def test_few_runs_try_both_neighbours_of_the_best_rate_of_the_current_optimizer(start, slots):
    own = replace(sgd(start), label="own", family="own", keeps_optimizer=True)
    study = SimulatedStudy(quadratic(1.0, 0.1), slots=slots)
    tuned, rival = search(study, own, sgd(start), runs=3).tuned
    assert is_well_tuned(tuned) and rival.steps <= (4 - NEARLY) * study.problem.horizon
    ratios = sorted(run.values["lr"] / tuned.best.values["lr"] for run in tuned.tried if run != tuned.best)
    close = [ratio for ratio in ratios if 0.9 / HALF_DECADE / 10**0.125 < ratio < 1.1 * HALF_DECADE * 10**0.125]
    assert close[0] < 1 < close[-1]


def test_a_current_optimizer_far_from_its_best_rate_remains_badly_tuned():
    own = replace(sgd(1e-9), label="own", family="own", keeps_optimizer=True)
    tuned, _ = search(SimulatedStudy(quadratic(1.0, 0.1), slots=1), own, sgd(), runs=3).tuned
    assert not is_well_tuned(tuned) and len(tuned.tried) == 3 + FURTHER_RUNS


def test_several_settings_are_searched_together():
    class Both(Quadratic):
        def curve(self, lr, decay=0.0):
            return super().curve(lr)

    study = SimulatedStudy(quadratic(1.0, 0.1))
    decay = Dimension("decay", 1e-6, 1.0)
    count = Dimension("count", 1, 64, is_log=False, is_integer=True)
    choice = replace(
        sgd(), dimensions=(*sgd().dimensions, decay, count), starts=({"lr": 0.1, "decay": 0.01, "count": 8},)
    )
    [tuned] = search(study, choice, runs=12).tuned
    assert len({run.values["decay"] for run in tuned.tried}) > 3
    assert all(isinstance(run.values["count"], int) and 1 <= run.values["count"] <= 64 for run in tuned.tried)


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_the_same_search_has_the_same_result_and_all_slots_are_used(slots):
    results = []
    for _ in range(2):
        study = SimulatedStudy(quadratic(1.0, 0.01, noise=1e-3), slots=slots)
        results.append(search(study, sgd(), replace(sgd(1.0), label="other", family="other")).tuned)
    assert results[0] == results[1]
    assert study.rounds[1] == slots * ceil(2 / slots)


@pytest.mark.parametrize("interrupted_after", [0, 1, 4, 9])
def test_an_interrupted_search_goes_on_to_the_same_result(interrupted_after):
    problem = quadratic(1.0, 0.01, noise=1e-3)
    choices = sgd(), replace(sgd(1.0), label="other", family="other")
    expected = search(SimulatedStudy(problem), *choices).tuned
    storage, study = StoredComparison.in_memory(), SimulatedStudy(problem, interrupt_after=interrupted_after)
    with pytest.raises(KeyboardInterrupt):
        search(study, *choices, storage=storage)
    study.interrupt_after = float("inf")
    found = search(study, *choices, storage=storage)
    assert [[(run.values, run.cost, run.steps) for run in choice.tried] for choice in found.tuned] == [
        [(run.values, run.cost, run.steps) for run in choice.tried] for choice in expected
    ]
    assert len(study.runs) == len(found.run_numbers | storage.run_numbers)  # No run was made twice.
    again = search(study, *choices, storage=storage)
    assert again.tuned == found.tuned and len(study.runs) == len(found.run_numbers | storage.run_numbers)


def test_the_search_has_its_own_seed():
    study = SimulatedStudy(quadratic(1.0, 0.1))
    search(study, sgd())
    assert study.seeds == {study.baseline.seed + TUNING_SEED} and METRIC.cost(study.baseline, study.baseline) > 0
