"""The variance of batch gradients by size and with averaging, compared with sampling theory."""

import pytest
import torch

from descend.landscape.batch_variance import averaged_variance, variance_by_size, variance_of_batches
from descend.landscape.gradients import Gradients


@pytest.fixture(scope="module")
def sample() -> Gradients:
    return Gradients(torch.randn(200, 12, generator=torch.Generator().manual_seed(0)).exp())


@pytest.mark.parametrize("replacement", [True, False])
def test_the_variance_is_that_of_sampling_theory(sample: Gradients, replacement: bool) -> None:
    found = variance_by_size(sample, [1, 4, 16, 64, 150], replacement=replacement)
    whole = float(sample.rows.double().var(0, correction=0).sum())
    for size, variance in zip(found.sizes, found.variances):
        factor = 1 if replacement else (200 - size) / 199
        assert found.factor(size) == factor
        low, high = variance.interval(0.999)
        assert low <= whole / size * factor <= high
    low, high = found.exponent().interval(0.999)
    assert low <= -1 <= high and high - low < 0.25


def test_without_the_factor_the_exponent_would_be_wrong() -> None:
    """Batches of 128 of 256 examples have half the variance, so the slope between 64 and 128 is −1.58."""
    sample = Gradients(torch.randn(256, 30, generator=torch.Generator().manual_seed(1)))
    found = variance_by_size(sample, [64, 128])
    assert found.exponent().slope == pytest.approx(-1, abs=0.05)
    raw = variance_by_size(sample, [64, 128]).variances
    assert raw[1].value / raw[0].value == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.slow
def test_the_intervals_of_the_exponent_cover_it() -> None:
    covered = 0
    for seed in range(200):
        rows = torch.randn(128, 10, generator=torch.Generator().manual_seed(seed))
        low, high = (
            variance_by_size(Gradients(rows), [1, 2, 4, 8, 16, 32, 64], draws=100, seed=seed).exponent().interval()
        )
        covered += low <= -1 <= high
    assert covered >= 180


def test_gradients_of_given_batches_have_the_same_variance(sample: Gradients) -> None:
    generator = torch.Generator().manual_seed(3)
    by_size = {
        size: Gradients(sample.rows[torch.randint(200, (300, size), generator=generator)].mean(1), size)
        for size in (16, 2)
    }
    found = variance_of_batches(by_size, sample.mean)
    assert found.sizes == (2, 16) and found.factor(16) == 1
    low, high = found.exponent().interval(0.999)
    assert low <= -1 <= high


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_momentum_reduces_the_variance_as_predicted(sample: Gradients, beta: float) -> None:
    found = averaged_variance(sample, 8, beta)
    assert found.predicted == (1 - beta) / (1 + beta)
    low, high = found.ratio.interval(0.999)
    assert low <= found.predicted <= high and high - low < 0.5 * found.predicted


def test_the_errors_of_a_shuffled_epoch_cancel(sample: Gradients) -> None:
    independent, dealt = (averaged_variance(sample, 8, 0.99, reshuffled=r).ratio for r in (False, True))
    assert dealt.interval(0.999)[1] < independent.interval(0.999)[0] / 3
    alone = averaged_variance(sample, 8, 0.0, reshuffled=True)
    low, high = alone.ratio.interval(0.999)
    assert low <= 1 <= high


def test_impossible_batch_sizes_and_betas_are_refused(sample: Gradients) -> None:
    with pytest.raises(ValueError, match="from 1 to 199 of the 200 examples, not 200"):
        variance_by_size(sample, [10, 200])
    with pytest.raises(ValueError, match="not 0"):
        averaged_variance(sample, 0, 0.9)
    with pytest.raises(ValueError, match="beta must be at least 0 and less than 1, not 1"):
        averaged_variance(sample, 8, 1.0)
