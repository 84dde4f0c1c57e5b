"""Every optimizer has every property of a `torch.optim.Optimizer`."""

import copy
import io
import pickle
import warnings

import pytest
import torch
from rules import (
    EAGER_FOR_VECTORS,
    FOR_FULL_BATCHES,
    FOR_MATRICES,
    IN_32_BITS,
    RULES,
    STEPS_WITHOUT_CURVATURE,
    difference,
    give_gradients,
    make,
    tensors,
    train,
    values,
)
from sampling import sampled

import descend.optim.engine as engine

pytestmark = [pytest.mark.slow, STEPS_WITHOUT_CURVATURE]
every = pytest.mark.parametrize("name", RULES)
except_for_matrices = pytest.mark.parametrize("name", [name for name in RULES if name not in FOR_MATRICES])
SHAPES = ((7, 3), (40_000,), ())


@except_for_matrices
def test_native_and_eager_engines_take_the_same_steps(name, monkeypatch):
    fast, slow = tensors(*SHAPES), tensors(*SHAPES)
    first = make(name, fast)
    train(first, fast, 30)
    assert first.engine == "native"
    monkeypatch.setattr(engine, "is_supported", lambda arrays: False)
    second = make(name, slow)
    train(second, slow, 30)
    assert second.engine.startswith("eager") and difference(fast, slow) < 1e-5


@except_for_matrices
def test_lists_of_tensors_take_the_same_steps(name, monkeypatch):
    single, together = tensors(*SHAPES), tensors(*SHAPES)
    monkeypatch.setattr(engine, "is_supported", lambda arrays: False)
    train(make(name, single), single, 10)
    monkeypatch.setattr(engine, "can_be_batched", lambda rule, row: True)  # as on a GPU
    calls = []
    whole = engine.step_together
    monkeypatch.setattr(engine, "step_together", lambda *a: (calls.append(len(a[1]["theta"])), whole(*a))[1])
    train(make(name, together), together, 10)
    assert calls == [len(SHAPES)] * 10 and difference(together, single) < 1e-6


@except_for_matrices
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("is_batched", [False, True], ids=["single", "together"])
def test_every_engine_computes_the_steps_of_16_bits_in_32_bits(name, dtype, is_batched, monkeypatch):
    """In float16, an eps of 1e-8 is 0: elements without a gradient would become NaN."""
    fast, slow = tensors((9,), dtype=dtype), tensors((9,), dtype=dtype)
    for parameters in (fast, slow):
        optimizer = make(name, parameters)
        for step in range(5):
            give_gradients(parameters, step)
            parameters[0].grad[:4] = 0
            optimizer.step()
        monkeypatch.setattr(engine, "is_supported", lambda arrays: False)
        monkeypatch.setattr(engine, "can_be_batched", lambda rule, row: is_batched)
    assert slow[0].isfinite().all()
    # Both round to 16 bits after each step, but the compiled kernel may fuse a product and a sum.
    assert difference([slow[0].double()], [fast[0].double()]) < torch.finfo(dtype).eps


@every
def test_every_optimizer_reduces_the_loss(name):
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
def test_maximize_increases_the_objective(name):
    up, down = tensors((6,), dtype=torch.float64), tensors((6,), dtype=torch.float64)
    climbing, descending = make(name, up, maximize=True), make(name, down)
    for step in range(5):
        give_gradients(down, step)
        up[0].grad = -down[0].grad
        climbing.step()
        descending.step()
    assert difference(up, down) < 1e-12


@every
def test_each_group_has_its_own_hyper_parameters(name):
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
def test_a_checkpoint_restores_the_state_exactly(name):
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
def test_a_copied_optimizer_takes_the_same_steps(name, again):
    parameters = tensors((6,))
    optimizer = make(name, parameters)
    train(optimizer, parameters, 3)
    other = again(optimizer)
    twins = other.param_groups[0]["params"]
    train(optimizer, parameters, 3, start=3)
    train(other, twins, 3, start=3)
    assert torch.equal(values(parameters), values(twins))


@every
def test_a_scheduler_and_a_tensor_learning_rate_work(name):
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
def test_a_changing_learning_rate_does_not_rebuild_the_kernel(name, monkeypatch):
    parameters = tensors((6,))
    optimizer = make(name, parameters)
    train(optimizer, parameters, 1)
    monkeypatch.setattr("descend.optim.engines.native.build_library", None)  # would raise
    for step in range(1, 4):
        for group in optimizer.param_groups:
            group["lr"] *= 0.5
        train(optimizer, parameters, 1, start=step)
    assert optimizer.engine == "native" or name in EAGER_FOR_VECTORS


@pytest.mark.parametrize("name", sorted(FOR_MATRICES))
def test_optimizers_for_matrices_report_that_no_kernel_updates_a_matrix(name):
    parameters = tensors((7, 3), (6,))
    optimizer = make(name, parameters)
    train(optimizer, parameters, 1)
    assert optimizer.engine.startswith("eager: the update rule cannot be compiled: it")


@pytest.mark.parametrize("name", sorted(FOR_MATRICES))
def test_optimizers_for_matrices_reject_complex_parameters(name):
    with pytest.raises(RuntimeError, match=f"{name} does not support complex parameters"):
        make(name, tensors((7, 3), dtype=torch.complex64))


@every
def test_a_parameter_without_a_gradient_is_not_updated(name):
    parameters = tensors((6,), (6,))
    optimizer = make(name, parameters)
    train(optimizer, parameters[:1], 3)
    assert torch.equal(parameters[1], tensors((6,), (6,))[1]) and not optimizer.state[parameters[1]]


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_state_has_the_dtype_of_the_parameter(name, dtype):
    parameters, wide = tensors((64,), dtype=dtype), tensors((64,), dtype=torch.float64)
    optimizer = make(name, parameters)
    train(optimizer, parameters, 5)
    train(make(name, wide), wide, 5)
    arrays = [v for v in optimizer.state[parameters[0]].values() if v.dim()]
    state_dtype = torch.promote_types(dtype, torch.float32) if name in IN_32_BITS else dtype
    assert parameters[0].dtype is dtype and all(value.dtype is state_dtype for value in arrays)
    assert difference([parameters[0].double()], wide) < 0.05


@except_for_matrices
def test_a_complex_parameter_is_stepped_as_two_real_parameters(name):
    parameters = tensors((6,), dtype=torch.complex128)
    real = [torch.view_as_real(parameters[0].detach()).clone().requires_grad_()]
    first, second = make(name, parameters), make(name, real)
    for step in range(4):
        give_gradients(parameters, step)
        real[0].grad = torch.view_as_real(parameters[0].grad)
        first.step()
        second.step()
    assert difference([torch.view_as_real(parameters[0].detach())], real) < 1e-12


@every
def test_hooks_are_called(name):
    parameters = tensors((6,))
    optimizer, calls = make(name, parameters), []
    optimizer.register_step_pre_hook(lambda *a: calls.append("before"))
    optimizer.register_step_post_hook(lambda *a: calls.append("after"))
    train(optimizer, parameters, 2)
    assert calls == ["before", "after"] * 2


@every
def test_capturable_keeps_the_numbers_in_tensors(name):
    plain, captured = tensors((6,), dtype=torch.float64), tensors((6,), dtype=torch.float64)
    train(make(name, plain), plain, 5)
    optimizer = make(name, captured, capturable=True)
    train(optimizer, captured, 5)
    assert all(isinstance(value, torch.Tensor) for value in optimizer.state[captured[0]].values())
    assert difference(captured, plain) < 1e-6


@pytest.mark.parametrize("name", sampled(RULES, *list(RULES)[::3]))
def test_a_compiled_training_step_equals_an_eager_one(name):
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
