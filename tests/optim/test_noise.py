import math

import pytest
import torch
from scipy import stats

from descend import optim
from descend.optim.engines import normal


@pytest.fixture(params=["compiled", "torch"], autouse=True)
def compiler(request, monkeypatch):
    """Every test with our own kernel, and on a machine that has no compiler."""
    normal._compiled_loop.cache_clear()
    if request.param == "torch":
        monkeypatch.setenv("CC", "no-such-compiler")
    yield request.param
    normal._compiled_loop.cache_clear()


def test_gradient_noise_has_the_documented_variance():
    parameter = torch.zeros(200_000, requires_grad=True)
    parameter.grad = torch.full_like(parameter, 5.0)
    deviation = optim.gradient_noise_([parameter], step=99, eta=0.3, gamma=0.55)
    assert deviation == pytest.approx(math.sqrt(0.3 / 100**0.55))
    assert parameter.grad.mean().item() == pytest.approx(5.0, abs=0.01)
    assert parameter.grad.std().item() == pytest.approx(deviation, rel=0.02)


def test_gradient_noise_depends_only_on_its_generator():
    def noisy(seed):
        parameters = [torch.zeros(shape, requires_grad=True) for shape in ((300, 300), (7,), (40_000,))]
        parameters.append(torch.zeros(5, 6, requires_grad=True))
        for p in parameters:
            p.grad = torch.zeros_like(p)
        parameters[-1].grad = torch.zeros(6, 5).T
        generator = torch.Generator().manual_seed(seed)
        for step in range(2):
            optim.gradient_noise_(parameters, step, generator=generator)
        return torch.cat([p.grad.flatten() for p in parameters])

    random = torch.get_rng_state()
    one = noisy(0)
    assert torch.equal(one, noisy(0)) and not torch.equal(one, noisy(1)) and one.ne(0).all()
    assert torch.equal(random, torch.get_rng_state())
    halves = one[: len(one) // 2 * 2].view(2, -1)
    assert abs(torch.corrcoef(halves)[0, 1].item()) < 0.02


def noise(*sizes, threads=1, seed=0):
    known = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        parameters = [torch.zeros(size, requires_grad=True) for size in sizes]
        for p in parameters:
            p.grad = torch.zeros_like(p)
        optim.gradient_noise_(parameters, 0, eta=1.0, generator=torch.Generator().manual_seed(seed))
        return torch.cat([p.grad for p in parameters])
    finally:
        torch.set_num_threads(known)


@pytest.mark.slow
def test_the_noise_is_normal_and_neighbours_are_independent():
    drawn = noise(600_001).double().numpy()
    assert stats.kstest(drawn, "norm").pvalue > 1e-3
    for lag in (1, 2, 3, 512, 1024):
        assert abs(stats.pearsonr(drawn[:-lag], drawn[lag:]).statistic) < 0.01
        assert abs(stats.pearsonr(drawn[:-lag] ** 2, drawn[lag:] ** 2).statistic) < 0.01
    assert 4.3 < abs(drawn).max() < 6.6


def test_the_noise_does_not_depend_on_threads_or_the_split_into_tensors(compiler):
    one = noise(300_001)
    assert torch.equal(one, noise(300_001, threads=3))
    if compiler == "compiled":
        assert normal.is_supported_tensor(one)
        assert torch.equal(one, noise(7, 1, 99_999, 1, 200_000 - 7, threads=2))


def test_other_dtypes_and_devices_get_the_noise_of_torch():
    for dtype in (torch.float64, torch.bfloat16):
        assert not normal.is_supported_tensor(torch.zeros(3, dtype=dtype))
    assert not normal.is_supported_tensor(torch.zeros(3, device="meta"))
    double = torch.zeros(50_000, dtype=torch.float64, requires_grad=True)
    double.grad = torch.zeros_like(double)
    optim.gradient_noise_(double, 0, eta=4.0)
    assert double.grad.std().item() == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize(("eta", "step"), [(-1, 0), (0.3, -1)])
def test_invalid_arguments_are_rejected(eta, step):
    with pytest.raises(ValueError, match="must be at least 0"):
        optim.gradient_noise_([], step, eta=eta)


def test_subnormal_numbers_are_not_flushed_to_zero_in_the_process():
    noise(10)
    assert torch.tensor([1e-40]).mul(1.0).item() > 0 and 5e-324 * 1.0 > 0
