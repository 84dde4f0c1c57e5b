"""Training without an optimizer object: gradients are returned, and parameters are new tensors in each step."""

import pytest
from sampling import sampled

from descend.doctor.record import facts

WAYS = ["lists", "function", "momentum in place", "ensemble", "nested", "given to an optimizer"]
TAPED = {"lists", "function", "momentum in place"}
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("way", sampled(WAYS, "lists"))
def test_functional_training_is_unchanged_and_its_losses_are_recorded(stage, way: str) -> None:
    losses, (watched, baseline) = stage.unharmed("functional.py", way)
    for record in (watched, baseline):
        assert list(record.series("loss", "0").values) == pytest.approx(losses["0"], rel=1e-6)
        assert record.steps == len(losses["0"])
    assert bool(baseline.fact(facts.Monitor)) == (way in TAPED), baseline.notes
    if way in TAPED:
        assert len(baseline.series("curvature", "0")) > 1 and baseline.series("monitored_loss").last < losses["0"][0]


def test_fixed_examples_are_evaluated_at_the_current_parameters(stage) -> None:
    """In `lists` all data are one batch with a falling loss, so the loss of the fixed examples must fall, too."""
    baseline = stage.observed("baseline", "functional.py", "lists").record
    course = baseline.series("monitored_loss").values
    assert course[-1] < 0.7 * course[0] and list(course) == sorted(course, reverse=True)


@pytest.mark.parametrize(("way", "rate"), [("lists", 0.1), ("function", 0.1), ("momentum in place", None)])
def test_the_learning_rate_of_plain_gradient_descent_is_found(stage, way: str, rate: float | None) -> None:
    optimizer = stage.observed("baseline", "functional.py", way).record.fact(facts.Optimizer, "0")
    assert (optimizer and optimizer.lr) == rate


def test_parameters_have_the_scripts_own_names(stage) -> None:
    baseline = stage.observed("baseline", "functional.py", "function").record
    assert len(baseline.series("gradient_norm", "0.weight")) > 3


@pytest.mark.parametrize("role", ["watch", "baseline"])
def test_an_unused_gradient_is_not_a_step(stage, role: str) -> None:
    plain = stage.plainly("functional.py", "looked at")
    seen = stage.observed(role, "functional.py", "looked at")
    assert seen.own_log == plain.own_log
    assert not seen.record.steps and not len(seen.record.series("loss", "0"))
