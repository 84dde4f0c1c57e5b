"""How easily a choice is tuned: the range of learning rates that work against closed forms, and the regret."""

from math import exp, inf, isclose, log, log10, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.ease import regret, working_range
from descend.doctor.compare.result import TriedValues, TunedChoice
from descend.doctor.trials.statistics import MARGIN


def tried(rate: float, cost: float, *, stopped: bool = False, **others: float) -> TriedValues:
    return TriedValues({"lr": rate, **others}, cost, cost, 100, is_stopped_early=stopped)


def tuned(*runs: TriedValues, names: tuple[str, ...] = ("lr",)) -> TunedChoice:
    """Return a choice after a search with these runs."""
    choice = Choice("SGD", lambda script, values: script, tuple(Dimension(name, 1e-5, 1.0) for name in names))
    best = min(runs, key=lambda run: run.cost)
    return TunedChoice(choice, runs, best if best.cost < inf else None)


def test_the_limits_are_interpolated_on_logarithmic_scales():
    # The cost is the rate / 0.01 or its inverse, whichever is larger, so the limits are at a factor of 1.25.
    found = working_range(tuned(tried(0.001, 10.0), tried(0.01, 1.0), tried(0.1, 10.0)))
    assert (found.low, found.high) == (pytest.approx(0.008), pytest.approx(0.0125))
    assert found.decades == pytest.approx(2 * log10(1.25))


@given(st.floats(0.1, 3), st.floats(-4, -1), st.integers(3, 9))
def test_the_width_of_a_parabola_is_the_closed_form(curvature, centre, number):
    rates = [10 ** (centre + 2 * (i - number) / number) for i in range(2 * number + 1)]
    runs = [tried(rate, exp(curvature * (log10(rate) - centre) ** 2)) for rate in rates]
    found = working_range(tuned(*runs))
    exact = min(2.0, sqrt(log(1 + MARGIN) / curvature))
    spacing = 2 / number
    # A chord is above the parabola, so the interpolated range is a little narrower, by less than one spacing.
    assert 2 * exact - 2 * spacing <= found.decades <= 2 * exact + 1e-6
    assert isclose(log10(found.low) + log10(found.high), 2 * centre, abs_tol=1e-6)


@pytest.mark.parametrize("bad", [tried(0.1, inf), tried(0.1, 1.01, stopped=True)])
def test_the_range_ends_at_the_last_rate_before_one_that_diverges_or_was_stopped(bad):
    found = working_range(tuned(tried(0.01, 1.0), bad, tried(1.0, 1.0)))
    assert found.low == found.high == pytest.approx(0.01) and found.decades == 0


def test_rates_up_to_the_limits_of_the_search_work():
    found = working_range(tuned(tried(0.001, 1.1), tried(0.01, 1.0), tried(0.1, 1.2)))
    assert (found.low, found.high, found.decades) == (pytest.approx(0.001), pytest.approx(0.1), pytest.approx(2))


def test_a_rate_that_fails_because_of_another_setting_does_not_end_the_range():
    runs = [tried(0.01, 1.0, momentum=0.9), tried(0.02, 9.0, momentum=0.1), tried(0.03, 1.1, momentum=0.9)]
    found = working_range(tuned(*runs, tried(0.03, 7.0, momentum=0.5), names=("lr", "momentum")))
    assert found.high == pytest.approx(0.03)
    assert working_range(tuned(*runs)).high < 0.02


@pytest.mark.parametrize("name", ["lr", "LR", "Config.lr", "base_lr", "learning_rate", "args.LearningRate", "lr0"])
def test_a_setting_with_a_usual_name_is_the_learning_rate(name):
    runs = [TriedValues({name: rate}, 1.0, 1.0, 100) for rate in (0.1, 0.2)]
    assert working_range(tuned(*runs, names=(name,))) is not None


@pytest.mark.parametrize("name", ["batch_size", "weight_decay", "color", "lrelu_slope"])
def test_without_a_learning_rate_there_is_no_range(name):
    runs = [TriedValues({name: value}, 1.0, 1.0, 100) for value in (0.1, 0.2)]
    assert working_range(tuned(*runs, names=(name,))) is None


def test_without_a_run_that_can_be_compared_there_is_no_range():
    assert working_range(tuned(tried(0.1, inf), tried(0.2, 1.0, stopped=True))) is None


def test_the_regret_is_the_excess_of_the_best_cost_so_far():
    runs = [tried(0.1, inf), tried(0.2, 3.0), tried(0.3, 1.0, stopped=True), tried(0.4, 2.0), tried(0.5, 2.5)]
    assert regret(runs) == (inf, pytest.approx(0.5), pytest.approx(0.5), 0.0, 0.0)
    assert working_range(tuned(*runs)).regret == regret(runs)


@given(st.lists(st.one_of(st.floats(0, 10), st.just(inf)), min_size=1, max_size=20))
def test_the_regret_never_rises_and_ends_at_zero(costs):
    found = regret([tried(0.1, cost) for cost in costs])
    assert all(later <= sooner for sooner, later in zip(found, found[1:]))
    assert found[-1] == (0 if min(costs) < inf else inf)
