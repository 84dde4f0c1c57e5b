"""Losses made of derivatives of the network's output by its input, or of a loss by the parameters."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from taping import assert_faithful, tape_step
from torch import Tensor, nn
from torch.func import functional_call

Step = Callable[[nn.Module], Tensor]
X, Y = torch.randn(6, 2, generator=torch.Generator().manual_seed(1)), torch.linspace(-1, 1, 12).reshape(6, 2)


def slope(u: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]


def hamiltonian(net: nn.Module) -> Tensor:
    x = (X * 1.5).requires_grad_()
    (along,) = torch.autograd.grad(net(x).sum(), x, create_graph=True)
    return F.mse_loss(torch.stack([along[:, 1], -along[:, 0]], 1), Y)


def residual(net: nn.Module) -> Tensor:
    x = torch.rand(5, 2, requires_grad=True)
    u = net(x)
    return (slope(slope(u, x)[:, :1], x) + u).square().mean() + net(X).square().mean()


def forces(net: nn.Module) -> Tensor:
    x = X.clone()
    assert float(x.mean()) < 1  # `x` is used before it requires a gradient
    x.requires_grad = True
    energy = net(x)
    return F.mse_loss(-slope(energy, x), Y) + F.mse_loss(energy, Y[:, :1])


def penalty(net: nn.Module) -> Tensor:
    weight = torch.rand(6, 1)
    mixed = (weight * X + (1 - weight) * Y).requires_grad_(True)
    (along,) = torch.autograd.grad(outputs=net(mixed).sum(), inputs=[mixed], retain_graph=True, create_graph=True)
    return net(X).mean() - net(Y).mean() + 10 * ((along.norm(2, dim=1) - 1) ** 2).mean()


def adapted(net: nn.Module) -> Tensor:
    fast = dict(net.named_parameters())
    for _ in range(2):
        loss = F.mse_loss(functional_call(net, fast, (X,)), Y[:, :1])
        grads = torch.autograd.grad(loss, tuple(fast.values()), create_graph=True)
        fast = {name: p - 0.3 * g for (name, p), g in zip(fast.items(), grads)}
    return F.mse_loss(functional_call(net, fast, (Y,)), X[:, 1:])


def unused(net: nn.Module) -> Tensor:
    x, other = X.clone().requires_grad_(), Y.clone().requires_grad_()
    found = torch.autograd.grad(net(x).sum(), (other, x), create_graph=True, allow_unused=True)
    assert found[0] is None
    return found[1].square().sum()


STEPS = [hamiltonian, residual, forces, penalty, adapted, unused]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))


@pytest.mark.parametrize("step", STEPS)
def test_a_replay_equals_the_step(step: Step) -> None:
    net = network()
    assert_faithful(tape_step(lambda: step(net), tuple(net.parameters())))


@pytest.mark.parametrize("step", STEPS)
def test_a_replay_at_other_parameters_equals_the_script(step: Step) -> None:
    net = network()
    taped = tape_step(lambda: step(net), tuple(net.parameters()))
    other = [p.detach() * 0.9 + 0.05 for p in net.parameters()]
    moved = network()
    with torch.no_grad():
        for p, value in zip(moved.parameters(), other):
            p.copy_(value)
    assert taped.recording.loss(taped.parameters).value(other) == pytest.approx(float(step(moved).detach()), rel=1e-6)


@pytest.mark.parametrize("step", STEPS)
def test_recording_changes_nothing(step: Step) -> None:
    bare = step(network()).detach()
    net = network()
    taped = tape_step(lambda: step(net), tuple(net.parameters()))
    assert torch.equal(taped.loss, bare) and not X.requires_grad and not Y.requires_grad


@pytest.mark.parametrize("step", STEPS)
def test_the_curvature_of_a_replay_equals_the_scripts(step: Step) -> None:
    net = network()
    parameters = tuple(net.parameters())
    taped = tape_step(lambda: step(net), parameters)
    vector = [torch.ones_like(p) for p in parameters]
    (product,) = taped.recording.loss(parameters).hessian(parameters).products(vector)
    network()  # the step under the tape began with these random numbers
    kept = {"allow_unused": True, "materialize_grads": True}
    grads = torch.autograd.grad(step(net), parameters, create_graph=True, **kept)
    expected = torch.autograd.grad(sum(g.sum() for g in grads), parameters, **kept)
    for ours, theirs in zip(product, expected):
        torch.testing.assert_close(ours, theirs)


def test_a_differentiated_network_input_is_data() -> None:
    net = network()
    recording = tape_step(lambda: hamiltonian(net), tuple(net.parameters())).recording
    assert set(map(id, recording.parameters.values())) == set(map(id, net.parameters()))
    assert recording.batch_size == len(X) and recording.sizes[recording.input_slot] == len(X)


def test_a_sparse_gradient_is_replayed_as_a_dense_one() -> None:
    """Torch cannot differentiate a sparse gradient, so the replay computes a dense one."""
    found = []
    for sparse in (True, False):
        torch.manual_seed(0)
        table = nn.Embedding(7, 2, sparse=sparse)
        rows = torch.tensor([[1, 2], [1, 6], [0, 2]])
        at = tuple(table.parameters())
        loss = tape_step(lambda net=table, rows=rows: net(rows).pow(3).mean(), at).recording.loss(at)
        vector = (torch.arange(14.0).reshape(7, 2),)
        found.append((loss.gradient(at)[0], loss.hessian(at).products(vector)[0][0]))
    (gradient, product), (dense_gradient, dense_product) = found
    torch.testing.assert_close(gradient, dense_gradient)
    torch.testing.assert_close(product, dense_product)
    assert product.abs().max() > 0
