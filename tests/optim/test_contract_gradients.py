"""Every optimizer accepts gradients of every kind: sparse, not finite, scaled, of any memory layout."""

import copy

import pytest
import torch
from rules import BY_NORMS, RULES, STEPS_WITHOUT_CURVATURE, difference, give_gradients, make, tensors, train, values

pytestmark = [pytest.mark.slow, STEPS_WITHOUT_CURVATURE]
every = pytest.mark.parametrize("name", RULES)
element_wise = pytest.mark.parametrize("name", [name for name in RULES if name not in BY_NORMS])


@element_wise
def test_a_sparse_gradient_updates_its_rows_as_a_dense_one_would(name):
    table, dense = tensors((50, 4), dtype=torch.float64), tensors((2, 4), dtype=torch.float64)
    before = values(table).view(50, 4)
    dense[0].data.copy_(table[0][[7, 31]])
    first, second = make(name, table), make(name, dense)
    for step in range(4):
        give_gradients(dense, step)
        rows = torch.tensor([[31, 7, 31]])  # one of them twice: its gradients are summed
        halves = torch.stack([dense[0].grad[1] / 2, dense[0].grad[0], dense[0].grad[1] / 2])
        table[0].grad = torch.sparse_coo_tensor(rows, halves, (50, 4))
        first.step()
        second.step()
    moved = (table[0].detach() != before).any(1)
    assert moved.nonzero().flatten().tolist() == [7, 31]
    assert difference([table[0][[7, 31]]], dense) < 1e-12


@pytest.mark.parametrize("name", sorted(BY_NORMS))
def test_optimizers_that_use_whole_tensors_reject_sparse_gradients_before_the_step(name):
    parameters = tensors((6,), (50, 4))
    give_gradients(parameters, 0)
    before = values(parameters)
    parameters[1].grad = torch.sparse_coo_tensor(torch.tensor([[3]]), torch.ones(1, 4), (50, 4))
    with pytest.raises(RuntimeError, match=r"does not support sparse gradients, because"):
        make(name, parameters).step()
    assert torch.equal(values(parameters), before)


@every
def test_a_gradient_that_is_not_finite_can_be_skipped(name):
    parameters = tensors((6,), (4,))
    optimizer = make(name, parameters, skip_nonfinite=True)
    train(optimizer, parameters, 2)
    before, state = values(parameters), copy.deepcopy(optimizer.state_dict())
    give_gradients(parameters, 2)
    parameters[1].grad[2] = float("nan")
    with pytest.warns(UserWarning, match="is not finite, so this step is skipped"):
        optimizer.step()
    assert optimizer.skipped == 1 and torch.equal(values(parameters), before)
    assert str(optimizer.state_dict()) == str(state)
    train(optimizer, parameters, 1, start=3)
    assert torch.isfinite(values(parameters)).all()


@element_wise
def test_a_gradient_that_is_not_finite_affects_only_its_tensor(name):
    parameters = tensors((6,), (4,))
    optimizer = make(name, parameters)
    give_gradients(parameters, 0)
    parameters[1].grad[2] = float("nan")
    optimizer.step()
    assert torch.isfinite(parameters[0]).all()
    assert torch.isfinite(parameters[1][[0, 1, 3]]).all()


@every
def test_gradients_may_have_any_memory_layout(name):
    plain, odd = tensors((300, 200)), tensors((300, 200))
    first, second = make(name, plain), make(name, odd)
    for step in range(3):
        give_gradients(plain, step)
        odd[0].grad = plain[0].grad.t().contiguous().t()
        first.step()
        second.step()
    assert difference(odd, plain) < 1e-6


@every
def test_a_scaled_loss_gives_the_steps_of_the_unscaled_loss(name):
    plain, scaled = tensors((6,)), tensors((6,))
    first, second = make(name, plain), make(name, scaled)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    for step in range(3):
        for parameters in (plain, scaled):
            give_gradients(parameters, step)
        scaled[0].grad = None
        scaler.scale((scaled[0] * plain[0].grad).sum()).backward()
        scaler.step(second)
        scaler.update()
        first.step()
    assert difference(scaled, plain) < 1e-6
