"""What the tape must refuse: each of these replays with the right loss, or the right gradient, and is wrong."""

import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from taping import assert_refused, new_tape
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from descend.doctor.tape import Refused

NUMBER = r"reads a number that depends on the parameters"
IN_PLACE = "changed in place"


@pytest.fixture
def net() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 3)


X, Y = torch.randn(6, 4), torch.randint(3, (6,))


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.sign()

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return grad


def test_of_a_straight_through_estimator_the_value_is_known_and_the_gradient_is_not(net: nn.Linear) -> None:
    tape = new_tape()
    tape.start()
    loss = F.cross_entropy(StraightThrough.apply(net(X)), Y)
    recording = tape.seal(loss)
    assert recording.custom == "StraightThrough"
    with torch.no_grad():
        net.weight.mul_(-1), net.bias.mul_(-1)
        assert float(recording.run({})) == pytest.approx(float(F.cross_entropy(net(X).sign(), Y)))


def item(h: Tensor) -> float:
    return h.std().item()


def to_float(h: Tensor) -> float:
    return float(h.detach().abs().max())


def numpy(h: Tensor) -> np.float32:
    return h.detach().numpy().std()


def as_array(h: Tensor) -> np.float32:
    return np.asarray(h.detach()).mean()


def to_list(h: Tensor) -> float:
    return sum(h.flatten().tolist()) / 7


READERS = [item, to_float, numpy, as_array, to_list]


@pytest.mark.parametrize("read", READERS)
def test_a_number_read_in_the_forward_pass_scales_the_loss(net: nn.Linear, read) -> None:
    def step() -> Tensor:
        h = net(X)
        return F.cross_entropy(h / read(h), Y)

    assert_refused(step, f"{NUMBER}, and the loss may use it")


@pytest.mark.parametrize("read", READERS)
def test_a_number_read_in_the_forward_pass_becomes_a_tensor(net: nn.Linear, read) -> None:
    def step() -> Tensor:
        h = net(X)
        weight = torch.tensor([1.0, 1.0, abs(read(h)) + 1])
        return F.cross_entropy(h, Y, weight=weight)

    assert_refused(step, NUMBER)


def test_an_array_read_in_the_forward_pass_comes_back(net: nn.Linear) -> None:
    def step() -> Tensor:
        h = net(X)
        return F.mse_loss(h, torch.from_numpy(np.tanh(h.detach().numpy())))

    assert_refused(step, NUMBER)


def test_the_very_number_read_before_the_forward_pass_comes_back(net: nn.Linear) -> None:
    def step() -> Tensor:
        with torch.no_grad():
            scale = net(X).std().item()
        return F.cross_entropy(net(X) / scale, Y)

    assert_refused(step, NUMBER)


def test_a_parameter_of_one_read_as_a_round_number() -> None:
    w = torch.ones(3, requires_grad=True)
    assert_refused(lambda: (w * X[:, :3] * w[0].item()).sum(), NUMBER)


@pytest.mark.parametrize("alias", ["data", "detach", "no_grad", "set"])
def test_a_parameter_changed_in_the_middle(net: nn.Linear, alias: str) -> None:
    def step() -> Tensor:
        h = net(X)
        if alias == "data":
            net.weight.data.mul_(0.5)
        elif alias == "detach":
            net.weight.detach().clamp_(-0.1, 0.1)
        elif alias == "set":
            net.weight.data = net.weight.data * 0.5
        else:
            with torch.no_grad():
                net.weight.mul_(0.5)
        return F.cross_entropy(h + net(X), Y)

    reason = "data of a tensor is written" if alias == "set" else f"a parameter .* is {IN_PLACE}"
    assert_refused(step, reason)


@pytest.mark.parametrize("alias", ["data", "no_grad"])
def test_an_activation_written_behind_autograd(net: nn.Linear, alias: str) -> None:
    """The gradient flows through what was set to zero: the loss is replayed right, its curvature is not one."""

    def step() -> Tensor:
        h = net(X)
        if alias == "data":
            h.data[:, 0] = 0
        else:
            with torch.no_grad():
                h[:, 0].zero_()
        return F.cross_entropy(h, Y)

    assert_refused(step, f"a value of the loss's graph is {IN_PLACE}")


def test_a_graph_built_before_the_tape(net: nn.Linear) -> None:
    h = net(X)
    assert_refused(lambda: F.cross_entropy(h, Y), "built before the step")


def test_a_graph_from_before_written_into_a_new_tensor(net: nn.Linear) -> None:
    old = net(X)[0]

    def step() -> Tensor:
        out = torch.zeros(6, 3)
        out[1:] = net(X[1:])
        out[0] = old
        return F.cross_entropy(out, Y)

    assert_refused(step, "built before the step")


def test_a_graph_from_before_added_to_the_loss(net: nn.Linear) -> None:
    old = F.cross_entropy(net(X), Y)

    def step() -> Tensor:
        loss = F.cross_entropy(net(X), Y)
        loss += old
        return loss

    assert_refused(step, "built before the step")


def test_a_loss_from_before(net: nn.Linear) -> None:
    loss = F.cross_entropy(net(X), Y)

    def step() -> Tensor:
        net(X)
        return loss

    assert_refused(step, "built before the step")


def test_a_gradient_that_is_accumulated_in_the_loss(net: nn.Linear) -> None:
    """A gradient penalty whose derivative is read out of `.grad`: that is no call."""

    def step() -> Tensor:
        x = X.clone().requires_grad_()
        net(x).tanh().sum().backward(create_graph=True)
        return x.grad.square().sum()

    assert_refused(step, "where it could not be recorded")


def test_a_graph_built_in_another_thread(net: nn.Linear) -> None:
    found: list[Tensor] = []

    def step() -> Tensor:
        thread = threading.Thread(target=lambda: found.append(net(X)))
        thread.start()
        thread.join()
        return F.cross_entropy(found[0], Y)

    assert_refused(step, "where it could not be recorded")


def test_a_scripted_function(net: nn.Linear) -> None:
    traced = torch.jit.trace(net, X)
    assert_refused(lambda: F.cross_entropy(traced(X), Y), "where it could not be recorded")


def test_a_target_computed_in_inference_mode(net: nn.Linear) -> None:
    def step() -> Tensor:
        with torch.inference_mode():
            target = net(X).tanh()
        return (net(X) - target.clone()).square().mean()

    assert_refused(step, "inference mode")


def test_a_mapped_function(net: nn.Linear) -> None:
    assert_refused(lambda: torch.vmap(net)(X).square().sum(), "where it could not be recorded")


def test_a_view_of_a_parameter_made_before_the_step(net: nn.Linear) -> None:
    old = net.weight.data
    assert_refused(lambda: (net.weight - 0.5 * old).square().sum(), "view of a parameter's memory")


def test_two_views_of_data_of_which_one_is_changed(net: nn.Linear) -> None:
    x = X.clone()
    left = x[:, :2]

    def step() -> Tensor:
        early = net(x).sum()
        left.mul_(2)
        return early + net(x).square().sum()

    assert_refused(step, "two views of the same data")


def test_large_data_changed_in_the_middle() -> None:
    x, w = torch.randn(2048, 1024), torch.randn(1024, requires_grad=True)

    def step() -> Tensor:
        first = (x @ w).mean()
        x.mul_(2)
        return first + (x @ w).mean()

    assert_refused(step, f"a large data tensor is {IN_PLACE}")


def test_a_function_mode_of_the_scripts_own(net: nn.Linear) -> None:
    class Halved(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    tape = new_tape()
    with Halved():
        tape.start()
        assert not tape.active
        tape.restart()
        tape.resume()
        assert not tape.active
        loss = net(X).sum()
        with pytest.raises(Refused, match="function mode of the script's own"):
            tape.seal(loss)


@pytest.mark.slow
def test_very_many_calls() -> None:
    w = torch.ones(1, requires_grad=True)

    def step() -> Tensor:
        total = torch.zeros(1)
        for _ in range(10_001):
            total = total + w * 1e-4
        return total.sum()

    assert_refused(step, "more than 20000 torch calls")


def test_nothing_at_all() -> None:
    tape = new_tape()
    tape.start()
    tape.pause()
    with pytest.raises(Refused, match="not computed during the step"):
        tape.seal(torch.zeros(()))
