"""Every rule keeps every promise that a `torch.optim.Optimizer` makes."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from rules import BY_NORMS, FOR_FULL_BATCHES, RULES, give_gradients, make, tensors, train

import descend.optim.engine as engine_room

pytestmark = pytest.mark.slow
every = pytest.mark.parametrize("name", RULES)
element_wise = pytest.mark.parametrize("name", [name for name in RULES if name not in BY_NORMS])
SHAPES = ((7, 3), (40_000,), ())


def values(parameters) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in parameters]).clone()


def difference(a, b) -> float:
    """Relative, in norm."""
    one, other = values(a), values(b)
    return float((one - other).norm() / other.norm())


@every
def test_both_engines_take_the_same_steps(name, monkeypatch):
    fast, slow = tensors(*SHAPES), tensors(*SHAPES)
    first = make(name, fast)
    train(first, fast, 30)
    assert first.engine == "native"
    monkeypatch.setattr(engine_room, "fits", lambda arrays: False)
    second = make(name, slow)
    train(second, slow, 30)
    assert second.engine.startswith("eager") and difference(fast, slow) < 1e-5


@every
def test_lists_of_tensors_take_the_same_steps(name, monkeypatch):
    single, together = tensors(*SHAPES), tensors(*SHAPES)
    monkeypatch.setattr(engine_room, "fits", lambda arrays: False)
    train(make(name, single), single, 10)
    monkeypatch.setattr(engine_room, "can_go_together", lambda rule, row: True)  # as on a GPU
    calls = []
    whole = engine_room.step_together
    monkeypatch.setattr(engine_room, "step_together", lambda *a: (calls.append(len(a[1]["theta"])), whole(*a))[1])
    train(make(name, together), together, 10)
    assert calls == [len(SHAPES)] * 10 and difference(together, single) < 1e-6


@every
def test_it_goes_downhill(name):
    parameters = tensors((5, 5))
    optimizer = make(name, parameters)

    def closure():
        optimizer.zero_grad()
        loss = (parameters[0] ** 2).sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for _ in range(50)]
    assert losses[-1] < losses[0]


@every
def test_maximize_goes_the_other_way(name):
    up, down = tensors((6,), dtype=torch.float64), tensors((6,), dtype=torch.float64)
    climbing, descending = make(name, up, maximize=True), make(name, down)
    for step in range(5):
        give_gradients(down, step)
        up[0].grad = -down[0].grad
        climbing.step()
        descending.step()
    assert difference(up, down) < 1e-12


@every
def test_a_group_has_hyper_parameters_of_its_own(name):
    moving, resting = tensors((6,)), tensors((6,))
    held = values(resting)
    optimizer = make(name, [{"params": moving}])
    optimizer.add_param_group({"params": resting, "lr": 0.0})
    train(optimizer, moving, 3)
    give_gradients(resting, 0)
    optimizer.step()
    assert not torch.equal(values(moving), held)
    if name not in FOR_FULL_BATCHES:  # their rates begin with lr and go their own ways
        assert torch.equal(values(resting), held)


@every
def test_a_checkpoint_comes_back_exactly(name):
    straight, broken = tensors(*SHAPES), tensors(*SHAPES)
    train(make(name, straight), straight, 10)
    first = make(name, broken)
    train(first, broken, 5)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = make(name, broken)
    second.load_state_dict(torch.load(file, weights_only=True))
    train(second, broken, 5, start=5)
    assert torch.equal(values(straight), values(broken))


@every
@pytest.mark.parametrize("again", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))], ids=["copied", "pickled"])
def test_a_copy_goes_on_alike(name, again):
    parameters = tensors((6,))
    optimizer = make(name, parameters)
    train(optimizer, parameters, 3)
    other = again(optimizer)
    twins = other.param_groups[0]["params"]
    train(optimizer, parameters, 3, start=3)
    train(other, twins, 3, start=3)
    assert torch.equal(values(parameters), values(twins))


@every
def test_a_scheduler_and_a_tensor_as_rate(name):
    plain, moved = tensors((6,)), tensors((6,))
    first, second = make(name, plain), make(name, moved)
    for group in second.param_groups:
        group["lr"] = torch.tensor(group["lr"], dtype=torch.float64)
    schedules = [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9) for optimizer in (first, second)]
    for step in range(5):
        train(first, plain, 1, start=step)
        train(second, moved, 1, start=step)
        for schedule in schedules:
            schedule.step()
    assert difference(moved, plain) < 1e-6


@every
def test_a_moving_rate_builds_nothing(name, monkeypatch):
    parameters = tensors((6,))
    optimizer = make(name, parameters)
    train(optimizer, parameters, 1)
    monkeypatch.setattr("descend.optim.native.build", None)  # would raise
    for step in range(1, 4):
        for group in optimizer.param_groups:
            group["lr"] *= 0.5
        train(optimizer, parameters, 1, start=step)
    assert optimizer.engine == "native"


@every
def test_a_parameter_without_a_gradient_rests(name):
    parameters = tensors((6,), (6,))
    optimizer = make(name, parameters)
    train(optimizer, parameters[:1], 3)
    assert torch.equal(parameters[1], tensors((6,), (6,))[1]) and not optimizer.state[parameters[1]]


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_state_keeps_the_parameters_type(name, dtype):
    parameters, wide = tensors((64,), dtype=dtype), tensors((64,), dtype=torch.float64)
    optimizer = make(name, parameters)
    train(optimizer, parameters, 5)
    train(make(name, wide), wide, 5)
    arrays = [v for v in optimizer.state[parameters[0]].values() if v.dim()]
    assert all(value.dtype is dtype for value in [*parameters, *arrays])
    assert difference([parameters[0].double()], wide) < 0.05


@every
def test_a_complex_parameter_is_two_real_ones(name):
    parameters = tensors((6,), dtype=torch.complex128)
    real = [torch.view_as_real(parameters[0].detach()).clone().requires_grad_()]
    first, second = make(name, parameters), make(name, real)
    for step in range(4):
        give_gradients(parameters, step)
        real[0].grad = torch.view_as_real(parameters[0].grad)
        first.step()
        second.step()
    assert difference([torch.view_as_real(parameters[0].detach())], real) < 1e-12


@element_wise
def test_a_sparse_gradient_moves_its_rows_as_a_dense_one_would(name):
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
def test_a_rule_of_whole_tensors_refuses_a_sparse_gradient_before_anything_moves(name):
    parameters = tensors((6,), (50, 4))
    give_gradients(parameters, 0)
    before = values(parameters)
    parameters[1].grad = torch.sparse_coo_tensor(torch.tensor([[3]]), torch.ones(1, 4), (50, 4))
    with pytest.raises(RuntimeError, match=r"norm of .* cannot step by a sparse"):
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
    with pytest.warns(UserWarning, match="is not finite: the step is left out"):
        optimizer.step()
    assert optimizer.skipped == 1 and torch.equal(values(parameters), before)
    assert str(optimizer.state_dict()) == str(state)
    train(optimizer, parameters, 1, start=3)
    assert torch.isfinite(values(parameters)).all()


@element_wise
def test_a_gradient_that_is_not_finite_stays_in_its_tensor(name):
    parameters = tensors((6,), (4,))
    optimizer = make(name, parameters)
    give_gradients(parameters, 0)
    parameters[1].grad[2] = float("nan")
    optimizer.step()
    assert torch.isfinite(parameters[0]).all()
    assert torch.isfinite(parameters[1][[0, 1, 3]]).all()


@every
def test_gradients_lie_in_memory_as_they_like(name):
    plain, odd = tensors((300, 200)), tensors((300, 200))
    first, second = make(name, plain), make(name, odd)
    for step in range(3):
        give_gradients(plain, step)
        odd[0].grad = plain[0].grad.t().contiguous().t()
        first.step()
        second.step()
    assert difference(odd, plain) < 1e-6


@every
def test_a_scaled_loss_steps_as_an_unscaled_one(name):
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


@every
def test_hooks_are_called(name):
    parameters = tensors((6,))
    optimizer, calls = make(name, parameters), []
    optimizer.register_step_pre_hook(lambda *a: calls.append("before"))
    optimizer.register_step_post_hook(lambda *a: calls.append("after"))
    train(optimizer, parameters, 2)
    assert calls == ["before", "after"] * 2


@every
def test_capturable_keeps_its_numbers_in_tensors(name):
    plain, captured = tensors((6,), dtype=torch.float64), tensors((6,), dtype=torch.float64)
    train(make(name, plain), plain, 5)
    optimizer = make(name, captured, capturable=True)
    train(optimizer, captured, 5)
    assert all(isinstance(value, torch.Tensor) for value in optimizer.state[captured[0]].values())
    assert difference(captured, plain) < 1e-6


@every
def test_a_compiled_training_step_does_what_an_eager_one_does(name):
    losses = []
    for wrap in (lambda f: f, lambda f: torch.compile(f, backend="aot_eager")):
        torch.manual_seed(0)
        torch._dynamo.reset()
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        optimizer = make(name, net.parameters())

        @wrap
        def step(x, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (net(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            losses.append([float(step(torch.full((3, 4), 0.1 * k))) for k in range(5)])
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
