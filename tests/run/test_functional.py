"""Trainings without an optimizer object: gradients that are returned, parameters that are made anew."""

import pytest
from sampling import sampled

from descend.doctor.record import facts

WAYS = ["lists", "function", "momentum in place", "ensemble", "nested", "given to an optimizer"]
TAPED = {"lists", "function", "momentum in place"}
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("way", sampled(WAYS, "lists", "ensemble", "given to an optimizer"))
def test_it_is_unharmed_and_its_losses_are_known(stage, way: str) -> None:
    losses, (watched, baseline) = stage.unharmed("functional.py", way)
    for record in (watched, baseline):
        assert list(record.series("loss", "0").values) == pytest.approx(losses["0"], rel=1e-6)
        assert record.steps == len(losses["0"])
    assert bool(baseline.fact(facts.Monitor)) == (way in TAPED), baseline.notes
    if way in TAPED:
        assert len(baseline.series("curvature", "0")) > 1 and baseline.series("monitored_loss").last < losses["0"][0]


def test_the_fixed_examples_are_read_at_the_present_parameters(stage) -> None:
    """The whole data are one batch in `lists`, whose loss falls at each step: so does that of the fixed examples."""
    baseline = stage.observed("baseline", "functional.py", "lists").record
    course = baseline.series("monitored_loss").values
    assert course[-1] < 0.7 * course[0] and list(course) == sorted(course, reverse=True)


@pytest.mark.parametrize(("way", "rate"), [("lists", 0.1), ("function", 0.1), ("momentum in place", None)])
def test_plain_descent_shows_its_rate(stage, way: str, rate: float | None) -> None:
    optimizer = stage.observed("baseline", "functional.py", way).record.fact(facts.Optimizer, "0")
    assert (optimizer and optimizer.lr) == rate


def test_the_parameters_have_the_scripts_own_names(stage) -> None:
    baseline = stage.observed("baseline", "functional.py", "function").record
    assert len(baseline.series("gradient_norm", "0.weight")) > 3


@pytest.mark.parametrize("role", ["watch", "baseline"])
def test_a_gradient_that_nothing_is_made_of_is_no_step(stage, role: str) -> None:
    plain = stage.plainly("functional.py", "looked at")
    seen = stage.observed(role, "functional.py", "looked at")
    assert seen.own_log == plain.own_log
    assert not seen.record.steps and not len(seen.record.series("loss", "0"))
