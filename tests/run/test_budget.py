"""What a probe may spend, and when."""

import pytest

from descend.doctor.observing.taping import Taping
from descend.doctor.reading.budget import FULL, LEAST_SHARE, READING_S, UNTRIED_S, WHOLE_SHARE, Budget


class Clock:
    """Time that passes where the test says so."""

    now = 100.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


time = Clock()


@pytest.fixture(autouse=True)
def own_time(monkeypatch):
    monkeypatch.setattr("descend.doctor.reading.budget.time", time)


def spend(budget: Budget, probe: str, seconds: float) -> None:
    with budget.charging(probe):
        time.sleep(seconds)


def test_a_probe_waits_until_its_last_cost_has_been_earned():
    budget = Budget(0.5, time.perf_counter())
    assert budget.allows("curvature")  # in our own run a first call needs no credit
    spend(budget, "curvature", 0.05)
    assert not budget.allows("curvature") and budget.refused == {"curvature": 1}
    time.sleep(0.2)
    assert budget.allows("curvature")
    seconds, calls = budget.costs()["curvature"]
    assert calls == 1 and seconds == pytest.approx(budget.spent) == pytest.approx(0.05)


def test_in_somebodys_own_run_a_first_call_is_taken_to_be_dear():
    budget = Budget(0.02, None)
    assert not budget.affords("tape")
    budget.pass_begins()
    assert not budget.affords("tape")
    budget.since = time.perf_counter() - UNTRIED_S / 0.02 - 1
    budget.steps = 1000
    assert budget.affords("tape")
    budget.steps = 10  # steps of half a second: a call may cost several
    assert not budget.affords("tape")


def test_by_steps_measuring_takes_no_time_and_a_step_takes_a_second():
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


def test_what_is_under_way_counts():
    budget = Budget(0.5, time.perf_counter())
    time.sleep(0.02)
    assert budget.left() > 0
    with budget.charging("curvature"):
        time.sleep(0.1)
        assert budget.left() < 0


def test_which_examples_are_fixed_does_not_depend_on_the_time_it_takes():
    told = []
    for since, allowed in ((time.perf_counter(), True), (None, False)):
        budget = Budget(0.25, since)
        spend(budget, "tape", 0.05)
        assert Taping(budget, None, lambda *what: told.append(what)).allowed() is allowed
    assert not told


def test_what_reading_takes_is_left_out_of_a_watched_runs_measuring():
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
