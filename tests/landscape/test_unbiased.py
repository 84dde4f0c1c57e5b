"""The test of E⟨g⟩ = G has the right error rate, and finds a bias."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from descend.data import ErrorWeighted, Reshuffled
from descend.landscape import loss_of, trained
from descend.landscape.gradients import Gradients, part_gradients
from descend.landscape.unbiased import bias

SPECTRA = {"many directions": torch.logspace(0, -2, 30), "one direction": torch.tensor([10.0] + [0.01] * 29)}


def errors(seed: int, spread: Tensor, batches: int = 20) -> Tensor:
    """Return errors of batches of 8 skewed examples; symmetric errors would be too easy."""
    generator = torch.Generator().manual_seed(seed)
    skewed = torch.randn(batches, 8, len(spread), generator=generator).exp() - torch.tensor(0.5).exp()
    return skewed.mean(1) * spread.sqrt()


@pytest.mark.slow
@pytest.mark.parametrize("spread", SPECTRA.values(), ids=SPECTRA)
def test_a_bias_is_found_in_one_of_twenty_unbiased_samples(spread: Tensor) -> None:
    whole = torch.ones(30)
    found = sum(bias(Gradients(whole + errors(seed, spread), 8), whole, seed).is_found for seed in range(300))
    assert 5 <= found <= 27  # 15 of 300 at the 5 % level, within three standard deviations


@pytest.mark.slow
def test_a_bias_is_found_with_its_size() -> None:
    whole = torch.ones(30)
    found = sum(bias(Gradients(whole + 0.5 + errors(seed, torch.ones(30)), 8), whole).is_found for seed in range(50))
    assert found == 50
    known = bias(Gradients(whole + 0.5 + errors(0, torch.ones(30), 2000), 8), whole)
    assert known.distance == pytest.approx(0.5, abs=0.05) and known.by_chance < 0.1
    low, high = known.along.interval()
    assert low <= 1.5 <= high


def digits() -> tuple[nn.Module, Tensor, Tensor]:
    """Return a linear classifier of three unequal groups; one group is far away and has much larger errors."""
    torch.manual_seed(0)
    y = torch.tensor([0] * 200 + [1] * 100 + [2] * 20)
    x = torch.randn(320, 4) + 2 * F.one_hot(y, 4)
    model = nn.Linear(4, 3)
    return model, x, y


def drawn(order: list[int], model: nn.Module, x: Tensor, y: Tensor) -> Gradients:
    batches = torch.tensor(order).split(8)
    loss = loss_of(model, F.cross_entropy, [(x[b], y[b]) for b in batches])
    return part_gradients(loss, trained(model), 8)


@pytest.mark.slow
def test_weighted_and_unshuffled_samplers_are_found_biased() -> None:
    model, x, y = digits()
    whole = torch.cat([g.flatten() for g in loss_of(model, F.cross_entropy, [(x, y)]).gradient(trained(model))])
    weighted = ErrorWeighted(len(x), guard=False)
    weighted.update(range(len(x)), F.cross_entropy(model(x), y, reduction="none").detach())
    assert bias(drawn(list(weighted), model, x, y), whole).p_value < 0.01
    assert bias(drawn(list(range(len(x)))[:160], model, x, y), whole).p_value < 0.01  # half an epoch, sorted by class
    orders = [list(Reshuffled(len(x), seed))[:160] for seed in range(60)]
    assert sum(bias(drawn(order, model, x, y), whole).is_found for order in orders) <= 6
    assert not bias(drawn(list(Reshuffled(len(x))), model, x, y), whole).is_found  # A whole epoch has the exact mean.


def test_too_few_batches_and_a_zero_gradient_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8 batches, not 4"):
        bias(Gradients(torch.randn(4, 3)), torch.ones(3))
    with pytest.raises(ValueError, match="full gradient is 0"):
        bias(Gradients(torch.randn(9, 3)), torch.zeros(3))
