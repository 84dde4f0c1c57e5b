"""The largest eigenvalue compared with dense eigensolvers, for networks and for many kinds of spectra."""

from collections.abc import Sequence

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from descend.landscape import CurvatureUnavailable, top_eigenpair

from .matrices import Matrices, direction, network, with_spectrum


def start_for(theta: Sequence[Tensor], seed: int = 3) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, generator=generator, dtype=torch.float64).to(t) for t in theta]


@pytest.mark.slow
@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.GELU])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 1e-4)])
def test_the_top_eigenpair_equals_that_of_the_full_hessian(dtype: torch.dtype, tolerance: float, activation) -> None:
    mean, theta, matrices = network(dtype, activation)
    top = top_eigenpair(mean.hessian(theta), start_for(theta), iterations=30)
    dense = torch.stack(matrices).mean(0)
    assert top.value == pytest.approx(torch.linalg.eigvalsh(dense)[-1].item(), rel=tolerance)
    vector = torch.cat([v.reshape(-1) for v in top.vector])
    assert [v.shape for v in top.vector] == [t.shape for t in theta]
    assert vector.norm().item() == pytest.approx(1, rel=1e-6)
    quotients = [(vector @ matrix @ vector).item() for matrix in matrices]
    assert top.spread == pytest.approx(quotients, rel=10 * tolerance)
    assert sum(top.spread) / 3 == pytest.approx(top.value, rel=10 * tolerance)
    assert (dense @ vector - top.value * vector).norm().item() == pytest.approx(top.residual, abs=100 * tolerance)


@pytest.mark.slow
def test_eight_products_are_enough_for_a_classifier() -> None:
    mean, theta, matrices = network(torch.float32)
    exact = torch.linalg.eigvalsh(torch.stack(matrices).mean(0))[-1].item()
    cold = top_eigenpair(mean.hessian(theta), start_for(theta))
    assert cold.products == 8
    assert cold.value == pytest.approx(exact, rel=0.02)
    moved = [t + 0.01 * torch.randn_like(t) for t in theta]
    warm = top_eigenpair(mean.hessian(moved), cold.vector, iterations=4)
    again = top_eigenpair(mean.hessian(moved), start_for(theta), iterations=30)
    assert warm.value == pytest.approx(again.value, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-8), (torch.float32, 1e-3)])
def test_the_preconditioned_eigenvalue_is_that_of_the_generalised_problem(dtype: torch.dtype, tolerance: float) -> None:
    mean, theta, matrices = network(dtype)
    generator = torch.Generator().manual_seed(5)
    scale = [torch.rand(t.shape, generator=generator).to(dtype).mul(6).exp() * 1e-3 for t in theta]
    flat = torch.cat([s.reshape(-1) for s in scale]).double().numpy()
    dense = torch.stack(matrices).mean(0).double().numpy()
    exact = scipy.linalg.eigh(dense, np.diag(flat), eigvals_only=True)[-1]
    top = top_eigenpair(mean.hessian(theta), start_for(theta), preconditioner=scale, iterations=60)
    assert top.value == pytest.approx(exact, rel=tolerance)
    # The vector is scaled by P^½: x = P^-½ v has the Rayleigh quotient of the generalised problem.
    x = torch.cat([v.reshape(-1) for v in top.vector]).double().numpy() / np.sqrt(flat)
    quotients = [x @ m.double().numpy() @ x / (x @ (flat * x)) for m in matrices]
    assert top.spread == pytest.approx(quotients, rel=10 * tolerance)


SPECTRA = {
    "convex": [0.1, 0.5, 1, 2, 4, 9],
    "saddle": [-1, -0.5, 0.2, 0.7, 3, 5],
    "mostly negative": [-50, -20, -3, -1, 0.1, 0.8],
    "negative definite": [-9, -7, -4, -2, -1, -0.25],
    "repeated": [1, 1, 1, 5, 5, 5],
    "singular": [0, 0, 0, 0, 2, 7],
    "wide": [1e-6, 1e-3, 1, 10, 1e3, 1e6],
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", SPECTRA)
def test_every_kind_of_spectrum(name: str, dtype: torch.dtype) -> None:
    """The largest eigenvalue includes the sign: a large negative curvature does not limit the step."""
    values = SPECTRA[name]
    top = top_eigenpair(Matrices([with_spectrum(values, dtype=dtype)]), direction(6, dtype=dtype))
    scale = max(map(abs, values))
    assert top.value == pytest.approx(max(values), abs=scale * (1e-9 if dtype == torch.float64 else 1e-5))


def test_the_largest_of_many_is_found_although_the_smallest_has_a_larger_magnitude() -> None:
    values = np.concatenate([np.linspace(-40, 1, 199), [6.0]])
    few = top_eigenpair(Matrices([with_spectrum(list(values))]), direction(200), iterations=8)
    many = top_eigenpair(Matrices([with_spectrum(list(values))]), direction(200), iterations=40)
    assert few.value <= 6 + 1e-9 and few.value > 0
    assert many.value == pytest.approx(6, rel=1e-3)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_matrix_of_rank_one(sign: float) -> None:
    u = direction(50)[0]
    hessian = Matrices([sign * torch.outer(u, u)])
    top = top_eigenpair(hessian, direction(50, seed=2))
    assert top.value == pytest.approx(max(sign, 0) * (u @ u).item(), abs=1e-9)
    assert top.products < 8


@pytest.mark.parametrize("value", [4.0, -3.0, 0.0])
def test_one_parameter(value: float) -> None:
    top = top_eigenpair(Matrices([torch.tensor([[value]])]), [torch.tensor([0.3])])
    assert (top.value, top.products, top.residual) == (value, 1, 0.0)
    assert top.spread == (value,)


def test_a_start_that_is_an_eigenvector_of_another_value() -> None:
    """A warm start in an eigenvector of another eigenvalue must not trap the search there."""
    matrix = torch.diag(torch.tensor([3.0, 1.0, 8.0, 0.5]))
    start = [torch.tensor([1.0, 0.0, 0.0, 0.0])]
    assert top_eigenpair(Matrices([matrix]), start).value == pytest.approx(8, rel=1e-6)


@pytest.mark.parametrize("tilt", [1e-2, 1e-4])
def test_a_start_close_to_an_eigenvector_of_another_value(tilt: float) -> None:
    matrix = torch.diag(torch.tensor([3.0, 1.0, 8.0, 0.5, 2.0, 2.5]))
    start = [torch.tensor([1.0, tilt, tilt, tilt, tilt, tilt])]
    assert top_eigenpair(Matrices([matrix]), start, iterations=5).value == pytest.approx(8, rel=1e-3)


def test_a_start_direction_without_curvature() -> None:
    matrix = torch.diag(torch.tensor([0.0, 0.0, 8.0, 0.5]))
    top = top_eigenpair(Matrices([matrix]), [torch.tensor([1.0, -1.0, 0.0, 0.0])])
    assert top.value == pytest.approx(8, rel=1e-6)


@pytest.mark.parametrize("start", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_a_zero_or_infinite_start_is_refused(start: list[float]) -> None:
    with pytest.raises(CurvatureUnavailable, match="direction"):
        top_eigenpair(Matrices([torch.eye(2)]), [torch.tensor(start)])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_product_that_is_not_finite_is_refused(bad: float) -> None:
    matrix = torch.eye(3)
    matrix[1, 2] = matrix[2, 1] = bad
    with pytest.raises(CurvatureUnavailable, match="not finite"):
        top_eigenpair(Matrices([matrix]), [torch.ones(3)])


@pytest.mark.parametrize("stop", [1, 3])
def test_the_search_can_be_ended_early(stop: int) -> None:
    hessian, asked = Matrices([with_spectrum(list(range(20)))]), []
    top = top_eigenpair(hessian, direction(20), go_on=lambda products: asked.append(products) or products < stop)
    assert top.products == len(hessian.asked) == stop
    assert asked == list(range(1, stop + 1))
    start = direction(20)[0]
    if stop == 1:
        assert top.value == pytest.approx((start @ hessian.parts[0] @ start / (start @ start)).item())


def test_only_one_vector_per_product_is_kept() -> None:
    """Peak memory is one vector for each product, however many batches there are."""
    hessian = Matrices([with_spectrum([1.0, 2, 3, 4]) for _ in range(5)])
    assert len(top_eigenpair(hessian, direction(4)).spread) == 5


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    values=st.lists(st.floats(-10, 10), min_size=1, max_size=7),
    seed=st.integers(0, 999),
    parts=st.integers(1, 3),
    diagonal=st.lists(st.floats(0.01, 100), min_size=7, max_size=7),
)
def test_random_quadratics(values: list[float], seed: int, parts: int, diagonal: list[float]) -> None:
    size = len(values)
    matrices = [with_spectrum(values, seed + k) for k in range(parts)]
    dense = torch.stack(matrices).mean(0).numpy()
    scale = torch.tensor(diagonal[:size], dtype=torch.float64)
    exact = scipy.linalg.eigh(dense, np.diag(scale.numpy()), eigvals_only=True)
    top = top_eigenpair(Matrices(matrices), direction(size, seed), preconditioner=[scale], iterations=8)
    assert top.value == pytest.approx(exact[-1], abs=1e-6 * max(1e-6, np.abs(exact).max()))
    assert sum(top.spread) / parts == pytest.approx(top.value, abs=1e-9 * max(1e-6, np.abs(exact).max()))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(values=st.lists(st.floats(-5, 5), min_size=2, max_size=12), seed=st.integers(0, 99), k=st.integers(1, 12))
def test_fewer_products_never_overshoot(values: list[float], seed: int, k: int) -> None:
    top = top_eigenpair(Matrices([with_spectrum(values, seed)]), direction(len(values), seed + 1), iterations=k)
    assert min(values) - 1e-8 <= top.value <= max(values) + 1e-8
    assert min(abs(top.value - v) for v in values) <= top.residual + 1e-6
    assert top.products <= min(k, len(values))
