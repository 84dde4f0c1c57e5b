"""Our optimizers against torch's, on the same sequence of gradients, with both engines."""

import copy
import sys
from functools import cache

import pytest
import torch
from rules import FOR_MATRICES
from torch import Tensor

import descend.optim.engine as engine_module
from descend import optim

CASES = {
    "SGD": [{"lr": 0.1}, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}],
    "SGD ": [{"lr": 0.1, "momentum": 0.9, "nesterov": True}],
    "Adagrad": [{"lr": 0.1}, {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "weight_decay": 0.01}],
    "Adadelta": [{}, {"rho": 0.8, "weight_decay": 0.01}],
    "Adam": [{}, {"betas": (0.8, 0.99), "eps": 1e-4, "weight_decay": 0.1}, {"maximize": True}, {"amsgrad": True}],
    "AdamW": [{}, {"weight_decay": 0.5, "maximize": True}],
    "Adamax": [{}, {"weight_decay": 0.01}],
    "NAdam": [{}, {"weight_decay": 0.1, "decoupled_weight_decay": True, "momentum_decay": 0.1}],
    "RMSprop": [{}, {"centered": True, "momentum": 0.9, "weight_decay": 0.01}, {"momentum": 0.5}],
    "Rprop": [{}, {"etas": (0.4, 1.3), "step_sizes": (1e-5, 1.0)}],
    "Adafactor": [{}, {"beta2_decay": -0.5, "d": 1.5, "weight_decay": 0.1}],
}
PAIRS = [(name.strip(), options) for name, several in CASES.items() for options in several]
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
each_rule = pytest.mark.parametrize(("name", "options"), PAIRS, ids=str)


def parameters(dtype: torch.dtype) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(17, 5), (40_000,), (3, 4, 5, 2), ()]
    values = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
    values[2] = values[2].contiguous(memory_format=torch.channels_last)
    return [value.requires_grad_() for value in values]


@cache
def gradients(shape: torch.Size, dtype: torch.dtype) -> list[Tensor]:
    """Twenty-three gradients of one parameter: a sequence of steps goes through them again and again."""
    generator = torch.Generator().manual_seed(len(shape))
    values = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(23)]
    return [v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for v in values]


def train(optimizer, held: list[Tensor], steps: int, start: int = 0) -> None:
    for step in range(start, start + steps):
        for parameter in held:
            parameter.grad = gradients(parameter.shape, parameter.dtype)[step % 23]
        optimizer.step()


def distance(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Relative, in norm, over all parameters."""
    a, b = (torch.cat([p.detach().reshape(-1) for p in side]) for side in (ours, theirs))
    return float((a - b).norm() / b.norm())


@pytest.mark.slow
@each_rule
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize(("engine", "steps"), [("native", 500), ("eager", 100)])
def test_long_runs_agree_with_torch(name, options, dtype, engine, steps, monkeypatch):
    if engine == "eager":
        monkeypatch.setattr(engine_module, "is_supported", lambda tensors: False)
    ours, theirs = parameters(dtype), parameters(dtype)
    mine = getattr(optim, name)(ours, **options)
    train(mine, ours, steps)
    monkeypatch.setattr(sys.modules["torch.optim.nadam"], "_get_scalar_dtype", lambda: dtype)  # its product, in full
    train(getattr(torch.optim, name)(theirs, **options), theirs, steps)
    assert distance(ours, theirs) <= TOLERANCE[dtype]
    assert engine == "eager" or mine.engine == "native" or name in FOR_MATRICES


@each_rule
@pytest.mark.slow
def test_checkpoints_can_be_exchanged_with_torch_during_training(name, options):
    ours, theirs, kept = (parameters(torch.float64) for _ in range(3))
    reference = getattr(torch.optim, name)(kept, **options)
    first, second = getattr(torch.optim, name)(theirs, **options), getattr(optim, name)(ours, **options)
    train(reference, kept, 30)
    train(first, theirs, 10)
    for a, b in zip(ours, theirs, strict=True):
        a.data.copy_(b.data)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(second, ours, 10, start=10)
    for a, b in zip(theirs, ours, strict=True):
        a.data.copy_(b.data)
    first.load_state_dict(second.state_dict())
    train(first, theirs, 10, start=20)
    assert distance(theirs, kept) <= 1e-12


def test_a_checkpoint_of_a_different_optimizer_is_rejected():
    held = parameters(torch.float32)
    other = torch.optim.Adadelta(held)
    train(other, held, 1)
    with pytest.raises(
        ValueError, match=r"not saved by Adam: it contains the states acc_delta, square_avg, not exp_avg, exp_avg_s"
    ):
        optim.Adam(held).load_state_dict(other.state_dict())


@pytest.mark.parametrize("name", ["Adagrad", "Adam", "SGD"])
def test_a_sparse_gradient_updates_only_its_rows(name):
    weight = torch.randn(1000, 8, dtype=torch.float64).requires_grad_()
    before = weight.detach().clone()
    optimizer = getattr(optim, name)([weight], lr=0.1)
    rows = torch.tensor([3, 7, 3])
    torch.nn.functional.embedding(rows, weight, sparse=True).sum().backward()
    optimizer.step()
    touched = (weight.detach() != before).any(1).nonzero().flatten().tolist()
    assert touched == [3, 7]
    dense = before.clone().requires_grad_()
    reference = getattr(optim, name)([dense], lr=0.1)
    dense.grad = torch.zeros_like(dense)
    dense.grad[3], dense.grad[7] = 2.0, 1.0
    reference.step()
    assert torch.equal(weight.detach()[[3, 7]], dense.detach()[[3, 7]])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.complex64])
@pytest.mark.parametrize("name", ["SGD", "Adam", "Adamax"])
def test_other_dtypes_are_kept_and_agree_approximately(name, dtype):
    ours, theirs = ([torch.linspace(-1, 1, 64).to(dtype).requires_grad_()] for _ in range(2))
    wide = [p.detach().to(torch.complex128 if dtype.is_complex else torch.float64).requires_grad_() for p in theirs]
    optimizer = getattr(optim, name)(ours, lr=0.01)
    train(optimizer, ours, 5)
    train(getattr(torch.optim, name)(wide, lr=0.01), wide, 5)
    held = [value for value in optimizer.state[ours[0]].values() if value.dim()]
    assert all(value.dtype is dtype for value in [*ours, *held])
    if not dtype.is_complex:  # the random gradients of a complex parameter differ with its width
        assert distance([p.to(torch.float64) for p in ours], wide) <= 0.02
