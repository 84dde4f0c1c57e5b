"""Products, gradients and values compared with autograd's full Hessian; losses without curvature are refused."""

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call, hessian

from descend.landscape import CurvatureUnavailable, Loss
from descend.landscape.loss import HELD

Evaluate = Callable[[Sequence[Tensor]], Tensor]


def of(net: nn.Module, loss: Callable[[nn.Module], Tensor]) -> tuple[Evaluate, list[Tensor]]:
    names = [name for name, _ in net.named_parameters()]

    def evaluate(theta: Sequence[Tensor]) -> Tensor:
        return loss(lambda *inputs: functional_call(net, dict(zip(names, theta)), inputs))

    return evaluate, [p.detach().clone() for p in net.parameters()]


def mlp(dtype: torch.dtype) -> tuple[Evaluate, list[Tensor]]:
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4)).to(dtype)
    x, y = torch.randn(7, 3, dtype=dtype), torch.randint(4, (7,))
    return of(net, lambda call: F.cross_entropy(call(x), y))


def rectified(dtype: torch.dtype) -> tuple[Evaluate, list[Tensor]]:
    net = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 1)).to(dtype)
    x, y = torch.randn(9, 3, dtype=dtype), torch.randn(9, 1, dtype=dtype)
    return of(net, lambda call: F.mse_loss(call(x), y))


def convolutional(dtype: torch.dtype) -> tuple[Evaluate, list[Tensor]]:
    net = nn.Sequential(
        nn.Conv1d(2, 3, 2),
        nn.BatchNorm1d(3, track_running_stats=False),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(9, 2),
    )
    x, y = torch.randn(5, 2, 4, dtype=dtype), torch.randint(2, (5,))
    return of(net.to(dtype), lambda call: F.cross_entropy(call(x), y))


def recurrent(dtype: torch.dtype) -> tuple[Evaluate, list[Tensor]]:
    cell = nn.GRUCell(2, 3).to(dtype)
    x = torch.randn(4, 6, 2, dtype=dtype)

    def loss(call: Callable[..., Tensor]) -> Tensor:
        h = torch.zeros(6, 3, dtype=dtype)
        for step in x:
            h = call(step, h)
        return h.square().mean()

    return of(cell, loss)


NETWORKS = [mlp, rectified, convolutional, recurrent]
FULL = [mlp, rectified, recurrent]  # torch.func's own forward mode is wrong for batch normalisation
TOLERANCE = {torch.float64: dict(rtol=1e-9, atol=1e-11), torch.float32: dict(rtol=1e-4, atol=1e-5)}


def dense(evaluate: Evaluate, theta: Sequence[Tensor]) -> Tensor:
    """The full Hessian over all parameters, (n, n)."""
    sizes = [t.numel() for t in theta]

    def flat(vector: Tensor) -> Tensor:
        return evaluate([piece.view_as(t) for piece, t in zip(vector.split(sizes), theta)])

    return hessian(flat)(torch.cat([t.reshape(-1) for t in theta]))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("make", FULL)
def test_products_are_those_of_the_full_hessian(make, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    evaluate, theta = make(dtype)
    matrix, operator = dense(evaluate, theta), Loss((evaluate,)).hessian(theta)
    for _ in range(3):
        vector = [torch.randn_like(t) for t in theta]
        (product,) = operator.products(vector)
        expected = matrix @ torch.cat([v.reshape(-1) for v in vector])
        torch.testing.assert_close(torch.cat([p.reshape(-1) for p in product]), expected, **TOLERANCE[dtype])


@pytest.mark.parametrize("make", [mlp, convolutional, recurrent])
def test_products_equal_finite_differences_of_gradients(make) -> None:
    torch.manual_seed(0)
    evaluate, theta = make(torch.float64)
    loss, vector = Loss((evaluate,)), [torch.randn_like(t) for t in theta]
    ahead = loss.gradient([t + 1e-6 * v for t, v in zip(theta, vector)])
    behind = loss.gradient([t - 1e-6 * v for t, v in zip(theta, vector)])
    for product, a, b in zip(loss.hessian(theta).products(vector)[0], ahead, behind):
        torch.testing.assert_close(product, (a - b) / 2e-6, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("make", NETWORKS)
def test_values_and_gradients_equal_those_of_autograd(make) -> None:
    evaluate, theta = make(torch.float64)
    leaves = [t.clone().requires_grad_() for t in theta]
    expected = evaluate(leaves)
    loss = Loss((evaluate,))
    assert loss.value(theta) == expected.item()
    for ours, theirs in zip(loss.gradient(theta), torch.autograd.grad(expected, leaves)):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_the_mean_of_several_losses() -> None:
    torch.manual_seed(0)
    losses = [mlp(torch.float64)[0] for _ in range(3)]
    theta = mlp(torch.float64)[1]
    mean = Loss(tuple(losses))

    def together(at: Sequence[Tensor]) -> Tensor:
        return sum(evaluate(at) for evaluate in losses) / 3

    assert mean.value(theta) == pytest.approx(together(theta).item(), rel=1e-12)
    for ours, theirs in zip(mean.gradient(theta), Loss((together,)).gradient(theta)):
        torch.testing.assert_close(ours, theirs)
    vector = [torch.randn_like(t) for t in theta]
    products = mean.hessian(theta).products(vector)
    assert len(products) == 3
    (expected,) = Loss((together,)).hessian(theta).products(vector)
    for j, theirs in enumerate(expected):
        torch.testing.assert_close(torch.stack([part[j] for part in products]).mean(0), theirs)


def test_the_parameters_are_not_changed() -> None:
    w = torch.randn(4, requires_grad=True)
    w.grad = torch.ones(4)
    hooked = []
    w.register_hook(hooked.append)
    loss = Loss((lambda theta: theta[0].pow(3).sum(),))
    loss.value([w])
    loss.gradient([w])
    loss.hessian([w]).products([torch.ones(4)])
    assert torch.equal(w.grad, torch.ones(4)) and not hooked and w.is_leaf


def test_derivatives_are_computed_within_no_grad() -> None:
    with torch.no_grad():
        loss = Loss((lambda theta: theta[0].pow(3).sum(),))
        w = torch.tensor([2.0])
        assert loss.gradient([w])[0].item() == 12.0
        assert loss.hessian([w]).products([torch.ones(1)])[0][0].item() == 12.0


def test_parameters_that_the_loss_does_not_use_have_zero_derivatives() -> None:
    theta = [torch.tensor([2.0]), torch.tensor([5.0])]
    loss = Loss((lambda at: at[0].pow(3).sum(),))
    assert [g.item() for g in loss.gradient(theta)] == [12.0, 0.0]
    assert [p.item() for p in loss.hessian(theta).products([torch.ones(1)] * 2)[0]] == [12.0, 0.0]
    constant = Loss((lambda at: torch.tensor(3.0),))
    assert [g.item() for g in constant.gradient(theta)] == [0.0, 0.0]


def test_a_parameter_that_enters_linearly_has_no_curvature_of_its_own() -> None:
    """The last bias of a critic has zero second derivatives, which must not prevent those of other parameters."""
    theta = [torch.tensor([2.0]), torch.tensor([5.0])]
    operator = Loss((lambda at: at[0].pow(3).sum() + at[1].sum(),)).hessian(theta)
    assert [p.item() for p in operator.products([torch.ones(1)] * 2)[0]] == [12.0, 0.0]


class Once(torch.autograd.Function):
    """The usual hand-written backward pass."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad


class Detached(torch.autograd.Function):
    """A backward pass of which autograd records only a part."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return 3 * x.detach() ** 2 * grad


class InNumpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.x = x.detach().numpy()
        return x**3

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return torch.from_numpy(3 * ctx.x**2) * grad


HIDDEN = {
    "alone": lambda cube: lambda at: cube(at[0]).sum(),
    "next to another path": lambda cube: lambda at: cube(at[0]).sum() + at[0].square().sum(),
    "inside": lambda cube: lambda at: (cube(at[0]).sum() + at[0].sum()).tanh(),
    "on one parameter": lambda cube: lambda at: (cube(at[0]) * at[1]).sum() + at[1].pow(4).sum(),
}


@pytest.mark.parametrize("shape", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize("function", [Once, Detached, InNumpy])
def test_a_hand_written_backward_pass_never_gives_a_curvature(function, shape) -> None:
    theta = [torch.tensor([0.5, -0.3]), torch.tensor([0.2, 0.1])]
    loss = Loss((shape(function.apply),))
    assert torch.isfinite(loss.gradient(theta)[0]).all()
    with pytest.raises(CurvatureUnavailable, match=function.__name__):
        loss.hessian(theta).products(theta)


def test_a_cut_in_the_graph_without_a_custom_function_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("descend.landscape.loss.custom_function", lambda loss: None)
    loss = Loss((HIDDEN["inside"](Once.apply),))
    with pytest.raises(CurvatureUnavailable, match="differentiable only once"):
        loss.hessian([torch.tensor([0.5])]).products([torch.ones(1)])


def test_a_linear_loss_has_no_curvature() -> None:
    with pytest.raises(CurvatureUnavailable, match="linear or piecewise constant"):
        Loss((lambda at: 3 * at[0].sum(),)).hessian([torch.ones(3)])


def attention(theta: Sequence[Tensor]) -> Tensor:
    q = theta[0].view(1, 1, 4, 8)
    return F.scaled_dot_product_attention(q, q, q).square().sum()


def bag(theta: Sequence[Tensor]) -> Tensor:
    return F.embedding_bag(torch.tensor([[0, 1]]), theta[0].view(4, 8)).pow(3).sum()


@pytest.mark.parametrize(("evaluate", "name"), [(attention, "flash_attention"), (bag, "embedding_bag")])
def test_an_operation_without_a_second_derivative_is_named(evaluate: Evaluate, name: str) -> None:
    theta = [torch.randn(32)]
    with pytest.raises(CurvatureUnavailable, match=name):
        Loss((evaluate,)).hessian(theta).products(theta)


def test_an_error_in_the_loss_is_reported() -> None:
    def evaluate(theta: Sequence[Tensor]) -> Tensor:
        raise RuntimeError("out of memory\nwith details")

    with pytest.raises(CurvatureUnavailable, match="^out of memory$"):
        Loss((evaluate,)).hessian([torch.ones(1)])


def test_complex_parameters_are_refused() -> None:
    with pytest.raises(CurvatureUnavailable, match="complex"):
        Loss((lambda at: at[0].abs().square().sum(),)).hessian([torch.ones(2, dtype=torch.complex64)])


def test_the_graphs_of_as_many_parts_are_stored_as_the_loss_allows() -> None:
    evaluations = []

    def part(theta: Sequence[Tensor]) -> Tensor:
        evaluations.append(theta)
        return theta[0].pow(3).sum()

    parts, theta, vector = (part,) * (HELD + 1), [torch.arange(3.0)], [torch.ones(3)]
    for held, repeats in ((HELD, 3), (HELD + 1, 1)):
        evaluations.clear()
        hessian = Loss(parts, held=held).hessian(theta)
        for _ in range(3):
            products = hessian.products(vector)
            assert len(products) == HELD + 1 and products[0][0].tolist() == [0, 6, 12]
        assert len(evaluations) == repeats * len(parts)
