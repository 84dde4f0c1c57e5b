"""The gradient norm of each term of a loss."""

import pytest
import torch
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.term_balance import MOST, term_balance
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = torch.randn(64, 8), torch.randn(64, 8)
NET = nn.Linear(8, 1, bias=False)


def seen(loss) -> list[tuple[float, float]]:
    """Return the gradient norm of each reported term, and the factor that would move it across the gap."""
    training = Training(NET, [loss], origin=located, interesting=ANYTHING)
    found = kept(term_balance(training.snapshot()))
    assert found.facts.keys() == training.noted.keys()
    terms = found.every(facts.LossTerm).values()
    sides = [term.side for term in terms]
    assert len(sides) > 2 or sorted(sides) == [0, 1] or not sides
    return [(term.pull, term.factor) for term in terms]


def along(direction: Tensor) -> Tensor:
    """A number whose gradient is the direction."""
    return (NET.weight * direction).sum()


EAST, NORTH = torch.eye(8)[0], torch.eye(8)[1]


@pytest.mark.parametrize(
    "loss",
    [
        lambda: along(3 * EAST) + 0.001 * along(NORTH),
        lambda: 0.001 * along(NORTH) + along(3 * EAST),
        lambda: along(3 * EAST) - along(NORTH) / 1000,
        lambda: -(-along(3 * EAST) + 0.001 * along(NORTH)),
        lambda: (along(3 * EAST) + 0.001 * along(NORTH)).reshape(1).mean(),
    ],
)
def test_a_term_with_a_small_gradient_is_reported_with_the_factor(loss):
    [(weak, more), (strong, less)] = seen(loss)
    assert weak == pytest.approx(0.001) and strong == pytest.approx(3.0)
    assert more == pytest.approx(3000) and less == pytest.approx(1 / 3000, rel=0.02)


def test_a_term_with_a_value_for_each_example_counts_once():
    [(weak, more), (strong, less)] = seen(lambda: ((NET(X)[:, 0] - 1) ** 2 + 1e-4 * NET(Y)[:, 0].abs()).mean())
    with torch.no_grad():
        expected = (2 * (NET(X) - 1) * X).mean(0).norm()
    assert strong == pytest.approx(float(expected), rel=1e-4) and more > 1000 > less


@pytest.mark.parametrize(
    "loss",
    [
        lambda: along(3 * EAST) + along(NORTH),  # alike
        lambda: ((NET(X) - 1e-6 * NET(Y)) ** 2).mean(),  # a difference within a square is not a term
        lambda: along(EAST),
        lambda: along(EAST) + 5.0,
        lambda: along(EAST) + 0 * along(NORTH),  # a term without a gradient is not reported as weak
        lambda: along(EAST) + 1e30 * along(1e30 * NORTH),  # a term with an infinite gradient is not reported as strong
    ],
)
def test_balanced_terms_are_not_reported(loss):
    assert seen(loss) == []


def test_the_terms_nearest_to_the_gap_are_reported():
    weights = [1.0, 2.0, 3.0, 4.0, 1e-3, 2e-3, 3e-3, 4e-3]
    found = seen(lambda: sum((w * along(row) for w, row in zip(weights, torch.eye(8))), torch.zeros(())))
    assert len(found) == 2 * MOST
    assert [pull for pull, _ in found] == pytest.approx([4e-3, 3e-3, 2e-3, 1.0, 2.0, 3.0])
    assert [factor for _, factor in found] == pytest.approx([250.0] * 3 + [0.004] * 3)
