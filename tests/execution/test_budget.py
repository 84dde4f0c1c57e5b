"""The time budget of probes."""

import os
from types import SimpleNamespace

import pytest

from descend.doctor.instrumentation.run_observation import RunObservation
from descend.doctor.instrumentation.steps.budget import FULL, LEAST_SHARE, READING_S, UNTRIED_S, WHOLE_SHARE, Budget
from descend.doctor.instrumentation.tape_control import TapeControl


class Clock:
    """A clock that advances only when the test says so."""

    now = 100.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


time = Clock()


@pytest.fixture(autouse=True)
def own_time(monkeypatch):
    monkeypatch.setattr("descend.doctor.instrumentation.steps.budget.time", time)


def spend(budget: Budget, probe: str, seconds: float) -> None:
    with budget.charging(probe):
        time.sleep(seconds)


def test_a_probe_waits_until_the_budget_covers_its_last_cost():
    budget = Budget(0.5, time.perf_counter())
    assert budget.allows("curvature")  # In our own run a first call is always allowed.
    spend(budget, "curvature", 0.05)
    assert not budget.allows("curvature") and budget.refused == {"curvature": 1}
    time.sleep(0.2)
    assert budget.allows("curvature")
    seconds, calls = budget.costs()["curvature"]
    assert calls == 1 and seconds == pytest.approx(budget.spent) == pytest.approx(0.05)


def test_in_a_watched_run_a_first_call_is_assumed_to_be_expensive():
    budget = Budget(0.02, None)
    assert not budget.affords("tape")
    budget.pass_begins()
    assert not budget.affords("tape")
    budget.since = time.perf_counter() - UNTRIED_S / 0.02 - 1
    budget.steps = 1000
    assert budget.affords("tape")
    budget.steps = 10  # Steps take half a second, so a call may be assumed to cost several of them.
    assert not budget.affords("tape")


def test_a_forgotten_cost_is_assumed_to_be_that_of_a_first_call():
    budget = Budget(0.02, time.perf_counter() - 1)
    budget.is_watched_run, budget.steps = True, 1000
    spend(budget, "tape", 1e-4)
    assert budget.affords("tape")
    budget.forget_last_cost("tape")
    assert not budget.affords("tape")


def test_without_timing_a_step_counts_as_a_second_and_measuring_as_zero():
    budget = Budget(0.5, time.perf_counter(), timed=False)
    before = budget.left()
    spend(budget, "curvature", 0.01)
    assert budget.left() == before > 0 and budget.spent == 0
    for step in range(10):
        budget.pass_begins()
        budget.step_ended(step + 1)
    assert budget.left() == before + 0.5 * 2 * FULL * 10
    watched = Budget(0.02, None, timed=False)
    assert not watched.affords("tape")
    for step in range(1000):
        watched.pass_begins()
        watched.step_ended(step + 1)
    assert watched.affords("tape")


def test_the_running_probe_counts_as_used_time():
    budget = Budget(0.5, time.perf_counter())
    time.sleep(0.02)
    assert budget.left() > 0
    with budget.charging("curvature"):
        time.sleep(0.1)
        assert budget.left() < 0


def test_the_choice_of_fixed_examples_does_not_depend_on_time():
    told = []
    for since, allowed in ((time.perf_counter(), True), (None, False)):
        budget = Budget(0.25, since)
        spend(budget, "tape", 0.05)
        assert TapeControl(budget, None, lambda *what: told.append(what)).allowed() is allowed
    assert not told


def test_reading_steps_reduces_the_measuring_time_of_a_watched_run():
    passed = 1000.0
    lefts = []
    for read in (0, int(0.01 * passed / READING_S), int(0.02 * passed / READING_S), int(0.1 * passed / READING_S)):
        budget = Budget(0.02, None)
        budget.since, budget.read = time.perf_counter() - passed, read
        lefts.append(budget.left() / passed)
    assert lefts == pytest.approx([0.02, WHOLE_SHARE - 0.01, LEAST_SHARE, LEAST_SHARE], rel=0.01)
    ours = Budget(0.25, time.perf_counter() - passed)
    ours.read = 10**9
    assert ours.left() / passed == pytest.approx(0.25, rel=0.01)


@pytest.mark.parametrize("quick", [True, False])
def test_only_a_quick_consultation_ends_a_measurement_whose_share_is_used(quick):
    observation = RunObservation("baseline", os.pipe(), time.perf_counter())
    observation.limit_measurements(quick=quick, until=time.perf_counter() + 100)
    runner = observation.observer.probe_runner
    passed = SimpleNamespace(step=0, key="0", optimizer=None, parameters=(), gradients=(), backwards=1)
    has_time = runner._snapshot(passed, None).has_time
    time.sleep(10)
    assert has_time()
    runner.budget.spent = 50.0
    assert has_time() is not quick
    time.sleep(90)
    runner.budget.spent = 0.0
    assert not has_time()  # The deadline is reached.
    observation.close()
