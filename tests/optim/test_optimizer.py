"""Properties of every optimizer, whatever its update rule."""

from collections import defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from descend import optim
from descend.optim import sign
from descend.optim.rule import read_rule

ALL = [optim.SGD, optim.Adagrad, optim.Adadelta, optim.Adam, optim.AdamW, optim.Adamax, optim.Rprop]
every = pytest.mark.parametrize("make", ALL, ids=lambda c: c.__name__)


def one(value: float = 1.0) -> torch.Tensor:
    parameter = torch.full((3,), value, requires_grad=True)
    parameter.grad = torch.tensor([1.0, -2.0, 0.5])
    return parameter


def sign_descent(theta, g, t, *, lr):
    return (-lr * sign(g),)


class SignDescent(optim.Optimizer):
    rule = staticmethod(sign_descent)


def test_a_user_can_define_an_update_rule():
    parameter = one()
    SignDescent([parameter], lr=0.25).step()
    assert parameter.tolist() == [0.75, 1.25, 0.75]


@settings(max_examples=50, deadline=None)
@given(lr=st.floats(0.001, 0.9), curvature=st.floats(0.1, 2.0), steps=st.integers(1, 30))
def test_gradient_descent_on_a_quadratic_agrees_with_the_closed_form(lr, curvature, steps):
    parameter = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = optim.SGD([parameter], lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * curvature * parameter**2).sum().backward()
        optimizer.step()
    assert parameter.item() == pytest.approx((1 - lr * curvature) ** steps, rel=1e-9, abs=1e-14)


def test_momentum_reaches_its_terminal_velocity():
    parameter = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimizer = optim.SGD([parameter], lr=0.1, momentum=0.9)
    for _ in range(400):
        before = parameter.item()
        parameter.grad = torch.ones_like(parameter)
        optimizer.step()
    assert before - parameter.item() == pytest.approx(0.1 / (1 - 0.9))


@every
def test_groups_closures_schedulers_and_missing_gradients_work(make):
    first, second, idle = one(), one(), torch.ones(2, requires_grad=True)
    optimizer = make([{"params": [first]}, {"params": [second, idle], "lr": 0.0}])
    assert optimizer.step(lambda: torch.tensor(7.0)).item() == 7.0
    assert make is optim.Rprop or torch.equal(second, torch.ones(3))
    assert torch.equal(idle, torch.ones(2)) and idle not in optimizer.state
    assert not torch.equal(first, torch.ones(3))
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
    rate = optimizer.param_groups[0]["lr"]
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * rate)


@pytest.mark.parametrize(
    ("make", "options", "text"),
    [
        (optim.Adam, {"lr": -1.0}, "Adam: lr must be a finite number of at least 0, not -1.0"),
        (optim.SGD, {"lr": float("nan")}, "SGD: lr must be a finite number of at least 0, not nan"),
        (optim.Adam, {"betas": (0.9, 1.0)}, r"Adam: betas must be in \[0, 1\), not \(0.9, 1.0\)"),
        (optim.Adadelta, {"eps": -1e-8}, "Adadelta: eps must be a finite number of at least 0"),
        (optim.SGD, {"momentum": 1.5}, r"SGD: momentum must be in \[0, 1\], not 1.5"),
        (optim.SGD, {"nesterov": True}, "SGD: nesterov needs momentum above 0"),
    ],
)
def test_a_hyper_parameter_out_of_range_is_named(make, options, text):
    with pytest.raises(ValueError, match=text):
        make([one()], **options)


@pytest.mark.parametrize(
    ("make", "options", "text"),
    [
        (optim.Adam, {"lr": "0.1"}, "Adam: lr must be a number, not '0.1'"),
        (optim.Adam, {"betas": 0.9}, "Adam: betas must be two numbers, not 0.9"),
        (SignDescent, {}, "SignDescent needs lr"),
    ],
)
def test_a_hyper_parameter_that_is_not_a_number_is_named(make, options, text):
    with pytest.raises(TypeError, match=text):
        make([one()], **options)


def test_a_learning_rate_of_zero_is_accepted():
    parameter = one()
    optim.Adam([parameter], lr=0.0).step()
    assert torch.equal(parameter.detach(), torch.ones(3))


def test_a_function_that_is_not_an_update_rule_is_rejected():
    def wrong(g, theta):
        return g

    def stateful(theta, g, t, m, *, lr):
        return m

    with pytest.raises(TypeError, match=r"wrong must take \(theta, g, t, …\), not \(g, theta\)"):
        read_rule(wrong)
    with pytest.raises(TypeError, match="stateful: the state 'm' needs a default"):
        read_rule(stateful)


def test_a_float64_checkpoint_stays_in_float64():
    narrow = torch.ones(3, dtype=torch.bfloat16, requires_grad=True)
    wide = one()
    first, second = optim.Adam([wide]), optim.Adam([narrow])
    first.step()
    second.load_state_dict(first.state_dict())
    narrow.grad = torch.ones_like(narrow)
    second.step()
    assert second.state[narrow]["exp_avg"].dtype is torch.float32 and narrow.dtype is torch.bfloat16
    assert second.state[narrow]["step"].item() == 2
    assert second.engine == "eager: these tensors have no kernel"


@pytest.fixture
def no_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "no-such-compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_without_a_compiler_the_engine_says_so_and_still_steps(no_compiler):
    def halving(theta, g, t, *, lr):
        return (-0.5 * lr * g,)

    class Halving(optim.Optimizer):
        rule = staticmethod(halving)

    parameters = [one(), torch.ones(3, dtype=torch.float64, requires_grad=True)]
    parameters[1].grad = parameters[0].grad.double()
    optimizer = Halving(parameters, lr=1.0)
    optimizer.step()
    assert optimizer.engine == "eager: this machine has no C compiler no-such-compiler"
    assert [parameter.tolist() for parameter in parameters] == [[0.5, 2.0, 0.75]] * 2


@pytest.mark.parametrize("clear", ["state.clear()", "state = defaultdict(dict)", "state.pop(p)"])
def test_a_cleared_state_is_initialised_again(clear):
    def step(p, optimizer):
        p.grad = p.detach().clone()
        optimizer.step()

    p = torch.nn.Parameter(torch.ones(3))
    optimizer = optim.Adam([p], lr=0.1)
    for _ in range(3):
        step(p, optimizer)
    exec(f"optimizer.{clear}", {"optimizer": optimizer, "p": p, "defaultdict": defaultdict})
    fresh = torch.nn.Parameter(p.detach().clone())
    other = optim.Adam([fresh], lr=0.1)
    for _ in range(2):
        step(p, optimizer), step(fresh, other)
    assert torch.equal(p, fresh) and optimizer.state[p]["step"] == 2
