"""Gauss–Newton products compared with JᵀHJ computed by torch.func, and with the Hessian where they are equal."""

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, hessian, jacrev
from torch.utils.data import DataLoader, TensorDataset

from descend.landscape import CurvatureUnavailable, Judged, LossOfOutputs, ends, loss_of, spectrum, trained
from descend.landscape.spectrum import dense_hessian

ONE = torch.float64
X = torch.randn(24, 4, generator=torch.Generator().manual_seed(0), dtype=ONE)
LABELS, VALUES = torch.arange(24) % 3, torch.randn(24, 3, generator=torch.Generator().manual_seed(1), dtype=ONE)
COSTS = {"cross-entropy": (F.cross_entropy, LABELS), "squared error": (F.mse_loss, VALUES)}


def network(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), *layers, nn.Linear(5, 3)).to(ONE)


def formed(model: nn.Module, cost, targets: Tensor) -> Tensor:
    """Return the matrix JᵀHJ over all examples."""
    names, at = zip(*model.named_parameters())
    sizes = [t.numel() for t in at]

    def outputs(row: Tensor) -> Tensor:
        pieces = [piece.view_as(t) for piece, t in zip(row.split(sizes), at)]
        return functional_call(model, dict(zip(names, pieces)), (X,)).reshape(-1)

    row = torch.cat([t.detach().reshape(-1) for t in at])
    jacobian = jacrev(outputs)(row)
    bent = hessian(lambda z: cost(z.view(len(X), -1), targets))(outputs(row))
    return jacobian.T @ bent @ jacobian


@pytest.mark.slow
@pytest.mark.parametrize("batch", [24, 10])  # one batch; a smaller last batch
@pytest.mark.parametrize("layer", [nn.Tanh, nn.ReLU, nn.GELU])
@pytest.mark.parametrize("name", COSTS)
def test_products_equal_those_of_the_full_matrix(name: str, layer: type[nn.Module], batch: int) -> None:
    cost, targets = COSTS[name]
    model = network(layer())
    loss, at = loss_of(model, cost, DataLoader(TensorDataset(X, targets), batch)), trained(model)
    matrix, exact = loss.gauss_newton(at), formed(model, cost, targets)
    assert torch.allclose(dense_hessian(matrix, at), exact, atol=1e-12)
    found = ends(matrix, at, tolerance=1e-9)
    assert found.top[0].value == pytest.approx(float(torch.linalg.eigvalsh(exact)[-1]))
    assert found.bottom[0].value >= -1e-12  # because the loss is convex in the outputs
    assert spectrum(matrix, at).trace.value == pytest.approx(float(exact.trace()))


def test_with_more_batches_than_stored_graphs_the_products_are_the_same() -> None:
    model = network(nn.Tanh())
    loss, at = loss_of(model, F.cross_entropy, DataLoader(TensorDataset(X, LABELS), 2)), trained(model)
    vector = [torch.randn_like(t) for t in at]
    products = loss.gauss_newton(at).products(vector)
    mean = torch.cat([torch.stack(each).mean(0).reshape(-1) for each in zip(*products)])
    exact = formed(model, F.cross_entropy, LABELS) @ torch.cat([v.reshape(-1) for v in vector])
    assert len(products) == 12 and torch.allclose(mean, exact)


def test_for_a_linear_model_the_gauss_newton_matrix_is_the_hessian() -> None:
    model = nn.Linear(4, 3, dtype=ONE)
    loss, at = loss_of(model, F.cross_entropy, [(X, LABELS)]), trained(model)
    assert torch.allclose(dense_hessian(loss.gauss_newton(at), at), dense_hessian(loss.hessian(at), at))


def test_for_a_perfect_fit_the_gauss_newton_matrix_is_the_hessian() -> None:
    model = network(nn.Tanh())
    loss, at = loss_of(model, F.mse_loss, [(X, model(X).detach())]), trained(model)
    assert torch.allclose(dense_hessian(loss.gauss_newton(at), at), dense_hessian(loss.hessian(at), at), atol=1e-12)
    other = loss_of(model, F.mse_loss, [(X, model(X).detach() + 1)])
    assert not torch.allclose(
        dense_hessian(other.gauss_newton(at), at), dense_hessian(other.hessian(at), at), atol=1e-3
    )


def test_the_quadratic_form_agrees_with_the_products() -> None:
    model = network(nn.Tanh())
    loss, at = loss_of(model, F.cross_entropy, [(X, LABELS)]), trained(model)
    vector = [torch.randn_like(t) for t in at]
    (product,) = loss.gauss_newton(at).products(vector)
    form = sum(float((p * v).sum()) for p, v in zip(product, vector))
    assert loss.judged[0].gauss_newton_form(at, vector) == pytest.approx(form)


def of(evaluate) -> LossOfOutputs:
    return LossOfOutputs.of([Judged(evaluate)])


def test_a_weight_penalty_is_not_included() -> None:
    """The output is θ² and the loss its square plus a penalty, so J = 2θ, H = 2 and JᵀHJ = 8θ² = 32."""

    def evaluate(theta: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        outputs = theta[0].square()
        return outputs, outputs.square().sum() + 5 * theta[0].square().sum()

    loss, at = of(evaluate), [torch.tensor([2.0])]
    assert loss.gauss_newton(at).products([torch.ones(1)])[0][0].item() == 32
    assert loss.hessian(at).products([torch.ones(1)])[0][0].item() == 12 * 4 + 10
    assert loss.value(at) == 36


def test_parameters_that_do_not_affect_the_outputs_have_no_curvature() -> None:
    at = [torch.tensor([2.0]), torch.tensor([3.0])]
    (found,) = of(lambda t: (t[0], t[0].square().sum())).gauss_newton(at).products([torch.ones(1)] * 2)
    assert [f.item() for f in found] == [2, 0]


def test_a_loss_that_is_linear_in_the_outputs_has_no_curvature() -> None:
    (found,) = of(_linear).gauss_newton([torch.ones(2)]).products([torch.ones(2)])
    assert not found[0].any()


def _linear(theta: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    outputs = theta[0].square()
    return outputs, outputs.sum()


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return 3 * ctx.saved_tensors[0].detach() ** 2 * grad


BAD = {
    "not a tensor": lambda t: ((t[0], t[0]), t[0].sum()),
    "do not depend on the parameters": lambda t: (torch.ones(2), t[0].square().sum()),
    "does not depend on the outputs": lambda t: (t[0] * 2, t[0].square().sum()),
    "Cube": lambda t: (lambda z: (z, z.square().sum()))(Cube.apply(t[0])),
    "flash_attention": lambda t: (lambda z: (z, z.square().sum()))(_attention(t[0])),
}


def _attention(x: Tensor) -> Tensor:
    q = x.repeat(16).view(1, 1, 4, 8)
    return F.scaled_dot_product_attention(q, q, q)


@pytest.mark.parametrize("message", BAD)
def test_losses_without_a_gauss_newton_matrix_are_refused(message: str) -> None:
    at = [torch.tensor([0.5, 0.2])]
    with pytest.raises(CurvatureUnavailable, match=message):
        of(BAD[message]).gauss_newton(at).products(at)
