"""Runs of a search are stopped early if they are clearly worse than earlier ones; how often that loses the best run."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from simulated import METRIC, SCHEDULES, Quadratic, SimulatedStudy, search, sgd

from descend.doctor.compare import search as searching
from descend.doctor.compare.early_stopping import EarlyStopping, early_step, stopping_limit, stopping_step
from descend.doctor.record import Reading, Record


def stops(costs: dict[int, float], limit: float, step: int = 30, place: str = "loss") -> int | None:
    """Return the step at which a run with these costs is stopped."""
    stopping, record = EarlyStopping(METRIC, Record(), step, limit), Record()
    for at, cost in costs.items():
        record.add(Reading("metric", place, at, cost))
        if stopping(Reading("metric", place, at, cost), record):
            break
    return stopping.stopped_at


@pytest.mark.parametrize(
    ("early_costs", "limit"),
    [([], inf), ([3.0], 3.0), ([3.0, 1.0, 2.0], 1.0), ([4.0, 3.0, 1.0, 2.0], 2.0), ([inf, inf, 1.0], 1.0)],
)
def test_the_limit_is_the_worst_cost_of_the_best_third(early_costs, limit):
    assert stopping_limit(early_costs) == limit


def test_a_run_is_compared_with_the_cost_of_others_after_a_third_of_its_steps():
    assert (stopping_step(270), early_step(270)) == (90, 30)


def test_a_run_is_stopped_at_the_first_reading_that_shows_its_cost_at_the_step():
    assert stops({0: 9.0, 20: 5.0, 30: 2.1, 40: 0.1}, limit=2.0) == 30
    assert stops({0: 9.0, 20: 2.1, 40: 0.1}, limit=2.0) == 40  # The cost at step 30 is that of step 20.
    assert stops({0: 9.0, 30: 2.0, 40: 9.0}, limit=2.0) is None


def test_values_that_arrive_later_do_not_change_the_decision():
    record = Record()
    for step, cost in ((0, 9.0), (30, 1.0), (40, 9.0)):
        record.add(Reading("metric", "loss", step, cost))
    stopping = EarlyStopping(METRIC, Record(), 30, 2.0)
    assert not any(stopping(Reading("metric", "loss", step, 0.0), record) for step in (0, 30, 40))


@pytest.mark.parametrize("costs", [{100: 9.0}, {0: nan, 30: nan}])
def test_without_a_value_of_the_metric_no_run_is_stopped(costs):
    assert stops(costs, limit=2.0) is None


def test_other_readings_do_not_stop_a_run():
    stopping = EarlyStopping(METRIC, Record(), 30, 2.0)
    assert not stopping(Reading("gradient_norm", "w", 50, 9.0), Record())


def problems(count: int) -> list[tuple[Quadratic, float]]:
    """Return noisy quadratics of many scales, each with a first learning rate."""
    rng, found = np.random.default_rng(2), []
    for _ in range(count):
        eigenvalues = np.geomspace(1, 10 ** -rng.uniform(1, 4), 30) * 10 ** rng.uniform(-2, 2)
        schedule = rng.choice(list(SCHEDULES))
        problem = Quadratic(eigenvalues, eigenvalues * 10 ** rng.uniform(-6, 1), schedule=schedule)
        found.append((problem, 10 ** rng.uniform(-3, 0)))
    return found


@pytest.mark.slow
def test_early_stopping_rarely_loses_the_best_run(monkeypatch):
    lost, lost_at_same_step, saved, made = 0, 0, 0, 0
    monkeypatch.setattr(searching, "stopping_limit", lambda early_costs: inf)
    cases = problems(100)
    for problem, start in cases:
        [tuned] = search(SimulatedStudy(problem, slots=1), sgd(start)).tuned
        curves = [problem.curve(run.values["lr"]) for run in tuned.tried]
        for index, (run, curve) in enumerate(zip(tuned.tried, curves)):
            early, late = ([other.get(step, inf) for other in curves[:index]] for step in (27, 90))
            is_stopped = 90 in curve and curve[90] > stopping_limit(early)
            lost += is_stopped and run == tuned.best
            lost_at_same_step += 90 in curve and curve[90] > stopping_limit(late) and run == tuned.best
            saved += is_stopped * (problem.horizon - 90)
            made += run.steps
    assert 2 * lost < lost_at_same_step and lost <= 0.04 * len(cases)
    assert saved >= 0.05 * made


@pytest.mark.slow
def test_the_saved_steps_improve_the_result(monkeypatch):
    cases = problems(30)

    def excess() -> float:
        costs = [search(SimulatedStudy(problem, slots=1), sgd(start)).tuned[0].best.cost for problem, start in cases]
        return float(np.log(costs).mean())

    with_stopping = excess()
    monkeypatch.setattr(searching, "stopping_limit", lambda early_costs: inf)
    assert with_stopping < excess()


def test_the_first_runs_of_a_choice_are_never_stopped():
    problem = Quadratic(np.array([1.0, 0.1]), np.zeros(2))
    poor = replace(sgd(1e-5), label="poor", family="poor")
    for tuned in search(SimulatedStudy(problem), sgd(0.3), poor).tuned:
        assert not tuned.tried[0].is_stopped_early
