"""Schedule-Free AdamW against the three sequences of its pseudo-code, and its two modes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import give_gradients, tensors, train, values

from descend import optim


def pseudo_code(start, gradients, lr, betas, eps, decay, warmup):
    """Defazio et al. 2024, Algorithm 1; return x and the y at which the next gradient is computed."""
    beta1, beta2 = betas
    x, z, v, weights = start.copy(), start.copy(), np.zeros_like(start), 0.0
    for t, g in enumerate(gradients, 1):
        y = (1 - beta1) * z + beta1 * x
        v = beta2 * v + (1 - beta2) * g**2
        rate = lr * min(1, t / warmup) if warmup else lr
        z = z - rate * g / (np.sqrt(v / (1 - beta2**t)) + eps) - rate * decay * y
        weights += rate**2
        x = (1 - rate**2 / weights) * x + rate**2 / weights * z
    return x, (1 - beta1) * z + beta1 * x


@settings(max_examples=30, deadline=None)
@given(
    beta1=st.floats(0.1, 0.99),
    warmup=st.integers(0, 30),
    decay=st.floats(0, 0.5),
    lr=st.floats(1e-3, 0.5),
    steps=st.integers(1, 20),
)
def test_both_sequences_are_those_of_the_pseudo_code(beta1, warmup, decay, lr, steps):
    [parameter] = tensors((7, 3), dtype=torch.float64)
    start = parameter.detach().numpy().copy()
    options = {"lr": lr, "betas": (beta1, 0.95), "weight_decay": decay, "warmup_steps": warmup}
    optimizer = optim.ScheduleFreeAdamW([parameter], **options)
    gradients = []
    for step in range(steps):
        give_gradients([parameter], step)
        gradients.append(parameter.grad.numpy().copy())
        optimizer.step()
    x, y = pseudo_code(start, gradients, lr, (beta1, 0.95), 1e-8, decay, warmup)
    assert optimizer.engine == "native"
    np.testing.assert_allclose(parameter.detach().numpy(), y, rtol=1e-9, atol=1e-10)
    optimizer.eval()
    np.testing.assert_allclose(parameter.detach().numpy(), x, rtol=1e-9, atol=1e-10)
    optimizer.train()
    np.testing.assert_allclose(parameter.detach().numpy(), y, rtol=1e-9, atol=1e-10)


def test_the_steps_are_those_of_the_authors_package():
    schedulefree = pytest.importorskip("schedulefree", reason="the authors' package is not installed")
    ours, theirs = tensors((7, 3), (5,)), tensors((7, 3), (5,))
    options = {"lr": 0.01, "weight_decay": 0.1, "warmup_steps": 5}
    first, second = optim.ScheduleFreeAdamW(ours, **options), schedulefree.AdamWScheduleFree(theirs, **options)
    second.train()
    train(first, ours, 40)
    train(second, theirs, 40)
    assert torch.allclose(values(ours), values(theirs), rtol=1e-5, atol=1e-6)
    first.eval()
    second.eval()
    assert torch.allclose(values(ours), values(theirs), rtol=1e-5, atol=1e-6)


def test_the_average_of_constant_steps_is_the_mean_of_all_iterates():
    """With the gradient 1, z falls by lr in every step, so x is −lr times the mean of 1 … n."""
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = optim.ScheduleFreeAdamW([parameter], lr=0.1, eps=0.0)
    for _ in range(9):
        parameter.grad = torch.ones(1, dtype=torch.float64)
        optimizer.step()
    optimizer.eval()
    assert parameter.item() == pytest.approx(-0.1 * 5)


def test_the_modes_can_be_set_repeatedly_and_a_step_needs_the_mode_for_training():
    parameters = tensors((6,))
    optimizer = optim.ScheduleFreeAdamW(parameters, lr=0.1)
    optimizer.eval()
    optimizer.train()
    train(optimizer, parameters, 3)
    optimizer.eval()
    average = values(parameters)
    optimizer.eval()
    assert torch.equal(values(parameters), average)
    with pytest.raises(RuntimeError, match=r"call optimizer.train\(\) before step, because eval\(\) was called"):
        optimizer.step()
    optimizer.train()
    assert not torch.allclose(values(parameters), average)
    train(optimizer, parameters, 1, start=3)


def test_a_checkpoint_of_the_average_continues_with_the_same_steps():
    straight, broken = (tensors((6,), (4, 3), dtype=torch.float64) for _ in range(2))
    train(optim.ScheduleFreeAdamW(straight, lr=0.1), straight, 10)
    first = optim.ScheduleFreeAdamW(broken, lr=0.1)
    train(first, broken, 5)
    first.eval()
    second = optim.ScheduleFreeAdamW(broken, lr=0.1)
    second.load_state_dict(first.state_dict())
    with pytest.raises(RuntimeError, match="train"):
        second.step()
    second.train()
    train(second, broken, 5, start=5)
    assert torch.allclose(values(straight), values(broken), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"betas": (0.0, 0.9)}, r"ScheduleFreeAdamW: the first of betas must be in \(0, 1\), not 0.0"),
        ({"warmup_steps": -1}, "ScheduleFreeAdamW: warmup_steps must be a finite number of at least 0, not -1"),
    ],
)
def test_a_setting_out_of_range_is_named(options, text):
    with pytest.raises(ValueError, match=text):
        optim.ScheduleFreeAdamW(tensors((2,)), **options)
    optimizer = optim.ScheduleFreeAdamW(tensors((2,)))
    with pytest.raises(ValueError, match=text):
        optimizer.add_param_group({"params": tensors((3,)), **options})
    assert len(optimizer.param_groups) == 1


def test_a_sweep_takes_the_steps_of_single_runs_and_returns_the_average():
    """In a sweep, z begins with the weights of each copy."""
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    inputs = torch.randn(5, 8, 3)
    loss = lambda model, batch: model(batch).square().mean()  # noqa: E731
    rates = [0.01, 0.1]
    sweep = optim.Sweep(model, loss, optim.ScheduleFreeAdamW, lr=rates, warmup_steps=2)
    found = torch.stack([sweep.step(batch) for batch in inputs])
    for k, lr in enumerate(rates):
        model.load_state_dict(start)
        optimizer = optim.ScheduleFreeAdamW(model.parameters(), lr=lr, warmup_steps=2)
        for batch, expected in zip(inputs, found[:, k], strict=True):
            optimizer.zero_grad()
            value = loss(model, batch)
            value.backward()
            optimizer.step()
            assert value.item() == pytest.approx(expected.item(), rel=1e-5)
        optimizer.eval()
        average = sweep.state_dict(k)
        for name, parameter in model.named_parameters():
            assert torch.allclose(average[name], parameter, rtol=1e-4, atol=1e-6)
