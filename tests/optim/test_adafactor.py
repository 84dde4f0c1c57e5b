"""Adafactor: the factored mean square, its memory, and its fallbacks; test_against_torch compares the steps."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import difference, tensors, train

from descend import optim


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), seed=st.integers(0, 999))
def test_a_gradient_of_rank_one_needs_no_other_state(rows, columns, seed):
    """If g² is an outer product, the factored estimate is exact: the steps are those of a whole mean square."""
    random = torch.Generator().manual_seed(seed)
    first, second = tensors((rows, columns), dtype=torch.float64), tensors((rows, columns), dtype=torch.float64)
    factored = optim.Adafactor(first, lr=0.1)
    whole = optim.Adafactor([{"params": second, "factored": False}], lr=0.1)
    a, b = (torch.rand(n, generator=random, dtype=torch.float64) + 0.1 for n in (rows, columns))
    for scale in (1.0, -3.0, 0.5):
        first[0].grad, second[0].grad = scale * torch.outer(a, b), scale * torch.outer(a, b)
        factored.step()
        whole.step()
    assert difference(first, second) < 1e-12
    sizes = [sum(v.numel() for v in o.state[p].values()) for o, [p] in ((factored, first), (whole, second))]
    assert sizes == [rows + columns + 1, rows * columns + 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_rows_and_columns_without_gradients_stay_finite(dtype):
    """As in an embedding: in an unused row and a dead column, both factors of the mean square are ε₁."""
    [weight] = tensors((3, 4), dtype=dtype)
    optimizer = optim.Adafactor([weight])
    for _ in range(3):
        weight.grad = torch.zeros_like(weight)
        weight.grad[0, 0] = 1.0
        optimizer.step()
    assert weight.isfinite().all()


@pytest.mark.parametrize("factored", [None, False], ids=["factored", "whole"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_the_mean_squares_of_16_bit_parameters_follow_smaller_gradients(dtype, factored):
    """In bfloat16, a mean square stays constant once its decay factor is above about 0.998."""
    found = []
    for parameters in (tensors((8, 8), dtype=dtype), tensors((8, 8), dtype=torch.float64)):
        optimizer = optim.Adafactor([{"params": parameters, "factored": factored}], lr=1e-4)
        random = torch.Generator().manual_seed(0)
        for step in range(1500):
            gradient = torch.randn(8, 8, generator=random) * (1.0 if step < 750 else 0.1)
            parameters[0].grad = gradient.to(parameters[0].dtype)
            optimizer.step()
        found.append(next(v for v in optimizer.state[parameters[0]].values() if v.dim()))
    assert found[0].dtype is torch.float32
    assert torch.allclose(found[0].double(), found[1], rtol=0.01)


def test_mean_squares_in_bfloat16_from_a_checkpoint_of_torch_are_converted():
    theirs, ours = tensors((4, 3), dtype=torch.bfloat16), tensors((4, 3), dtype=torch.bfloat16)
    saved = torch.optim.Adafactor(theirs)
    train(saved, theirs, 2)
    assert saved.state[theirs[0]]["row_var"].dtype is torch.bfloat16
    optimizer = optim.Adafactor(ours)
    optimizer.load_state_dict(saved.state_dict())
    assert optimizer.state[ours[0]]["row_var"].dtype is torch.float32
    assert torch.equal(optimizer.state[ours[0]]["row_var"], saved.state[theirs[0]]["row_var"].float())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"d": 0.5}, "Adafactor: d must be a number of at least 1, not 0.5"),
        ({"beta2_decay": 0.8}, "Adafactor: beta2_decay must be a finite number of at most 0, not 0.8"),
        ({"eps": (1e-30, -1.0)}, "Adafactor: eps must be a finite number of at least 0, not -1.0"),
    ],
)
def test_a_setting_out_of_range_is_named(options, text):
    with pytest.raises(ValueError, match=text):
        optim.Adafactor(tensors((2, 2)), **options)


def test_one_eps_is_refused():
    with pytest.raises(TypeError, match="Adafactor: eps must be two numbers, not 1e-08"):
        optim.Adafactor(tensors((2, 2)), eps=1e-8)


def test_a_sweep_of_an_optimizer_for_matrices_is_refused():
    model = torch.nn.Linear(2, 2)
    with pytest.raises(TypeError, match="Sweep does not support Adafactor"):
        optim.Sweep(model, lambda model, batch: model(batch).sum(), optim.Adafactor, lr=[0.1, 0.2])


def test_a_checkpoint_of_another_optimizer_or_shape_is_rejected():
    optimizer = optim.Adafactor(tensors((4, 3)))
    train(optimizer, optimizer.param_groups[0]["params"], 1)
    with pytest.raises(ValueError, match=r"row_var of parameter 0 has shape \(4, 1\), but the parameter has shape"):
        optim.Adafactor(tensors((5, 3))).load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="not saved by Adafactor: it contains the states col_var, row_var, not varia"):
        optim.Adafactor(tensors((4,))).load_state_dict(optimizer.state_dict())
