"""Steps that the tape must refuse, because a replay would give a wrong loss or a wrong gradient."""

import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from taping import assert_refused, new_tape
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from descend.doctor.tape import NotReplayable

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


def test_only_the_value_of_a_custom_function_is_replayed(net: nn.Linear) -> None:
    tape = new_tape()
    tape.start()
    loss = F.cross_entropy(StraightThrough.apply(net(X)), Y)
    recording = tape.finalise(loss)
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
def test_a_loss_scaled_by_a_number_read_in_the_forward_pass_is_refused(net: nn.Linear, read) -> None:
    def step() -> Tensor:
        h = net(X)
        return F.cross_entropy(h / read(h), Y)

    assert_refused(step, f"{NUMBER}, and the loss may use it")


@pytest.mark.parametrize("read", READERS)
def test_a_tensor_made_from_a_number_read_in_the_forward_pass_is_refused(net: nn.Linear, read) -> None:
    def step() -> Tensor:
        h = net(X)
        weight = torch.tensor([1.0, 1.0, abs(read(h)) + 1])
        return F.cross_entropy(h, Y, weight=weight)

    assert_refused(step, NUMBER)


def test_a_tensor_made_from_an_array_read_in_the_forward_pass_is_refused(net: nn.Linear) -> None:
    def step() -> Tensor:
        h = net(X)
        return F.mse_loss(h, torch.from_numpy(np.tanh(h.detach().numpy())))

    assert_refused(step, NUMBER)


def test_a_number_read_before_the_forward_pass_and_used_in_it_is_refused(net: nn.Linear) -> None:
    def step() -> Tensor:
        with torch.no_grad():
            scale = net(X).std().item()
        return F.cross_entropy(net(X) / scale, Y)

    assert_refused(step, NUMBER)


def test_a_round_number_read_from_a_parameter_is_refused() -> None:
    w = torch.ones(3, requires_grad=True)
    assert_refused(lambda: (w * X[:, :3] * w[0].item()).sum(), NUMBER)


@pytest.mark.parametrize("alias", ["data", "detach", "no_grad", "set"])
def test_a_parameter_changed_during_the_forward_pass_is_refused(net: nn.Linear, alias: str) -> None:
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

    reason = "assigns to the .data of a tensor" if alias == "set" else f"a parameter .* is {IN_PLACE}"
    assert_refused(step, reason)


@pytest.mark.parametrize("alias", ["data", "no_grad"])
def test_an_activation_changed_without_autograd_noticing_is_refused(net: nn.Linear, alias: str) -> None:
    """The gradient flows through values that were set to zero: a replay gives the loss, but not its curvature."""

    def step() -> Tensor:
        h = net(X)
        if alias == "data":
            h.data[:, 0] = 0
        else:
            with torch.no_grad():
                h[:, 0].zero_()
        return F.cross_entropy(h, Y)

    assert_refused(step, f"a value of the loss's graph is {IN_PLACE}")


def test_a_graph_built_before_the_tape_is_refused(net: nn.Linear) -> None:
    h = net(X)
    assert_refused(lambda: F.cross_entropy(h, Y), "built before the step")


def test_an_earlier_graph_written_into_a_new_tensor_is_refused(net: nn.Linear) -> None:
    old = net(X)[0]

    def step() -> Tensor:
        out = torch.zeros(6, 3)
        out[1:] = net(X[1:])
        out[0] = old
        return F.cross_entropy(out, Y)

    assert_refused(step, "built before the step")


def test_an_earlier_graph_added_to_the_loss_is_refused(net: nn.Linear) -> None:
    old = F.cross_entropy(net(X), Y)

    def step() -> Tensor:
        loss = F.cross_entropy(net(X), Y)
        loss += old
        return loss

    assert_refused(step, "built before the step")


def test_a_loss_computed_before_the_step_is_refused(net: nn.Linear) -> None:
    loss = F.cross_entropy(net(X), Y)

    def step() -> Tensor:
        net(X)
        return loss

    assert_refused(step, "built before the step")


def test_an_accumulated_gradient_in_the_loss_is_refused(net: nn.Linear) -> None:
    """A gradient penalty reads the derivative from `.grad`, which is not a torch call."""

    def step() -> Tensor:
        x = X.clone().requires_grad_()
        net(x).tanh().sum().backward(create_graph=True)
        return x.grad.square().sum()

    assert_refused(step, "by calls that could not be recorded")


def test_a_graph_built_in_another_thread_is_refused(net: nn.Linear) -> None:
    found: list[Tensor] = []

    def step() -> Tensor:
        thread = threading.Thread(target=lambda: found.append(net(X)))
        thread.start()
        thread.join()
        return F.cross_entropy(found[0], Y)

    assert_refused(step, "by calls that could not be recorded")


def test_a_traced_network_is_refused(net: nn.Linear) -> None:
    traced = torch.jit.trace(net, X)
    assert_refused(lambda: F.cross_entropy(traced(X), Y), "by calls that could not be recorded")


def test_a_target_computed_in_inference_mode_is_refused(net: nn.Linear) -> None:
    def step() -> Tensor:
        with torch.inference_mode():
            target = net(X).tanh()
        return (net(X) - target.clone()).square().mean()

    assert_refused(step, "inference mode")


def test_a_vmapped_network_is_refused(net: nn.Linear) -> None:
    assert_refused(lambda: torch.vmap(net)(X).square().sum(), "by calls that could not be recorded")


def test_an_earlier_view_of_a_parameter_is_refused(net: nn.Linear) -> None:
    old = net.weight.data
    assert_refused(lambda: (net.weight - 0.5 * old).square().sum(), "view of a parameter's memory")


def test_two_views_of_data_that_change_in_place_are_refused(net: nn.Linear) -> None:
    x = X.clone()
    left = x[:, :2]

    def step() -> Tensor:
        early = net(x).sum()
        left.mul_(2)
        return early + net(x).square().sum()

    assert_refused(step, "two views of the same data")


def test_large_data_changed_during_the_forward_pass_are_refused() -> None:
    x, w = torch.randn(2048, 1024), torch.randn(1024, requires_grad=True)

    def step() -> Tensor:
        first = (x @ w).mean()
        x.mul_(2)
        return first + (x @ w).mean()

    assert_refused(step, f"a large data tensor is {IN_PLACE}")


def test_an_active_function_mode_of_the_script_is_refused(net: nn.Linear) -> None:
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
        with pytest.raises(NotReplayable, match="function mode of the script is active"):
            tape.finalise(loss)


@pytest.mark.slow
def test_a_step_of_very_many_calls_is_refused() -> None:
    w = torch.ones(1, requires_grad=True)

    def step() -> Tensor:
        total = torch.zeros(1)
        for _ in range(10_001):
            total = total + w * 1e-4
        return total.sum()

    assert_refused(step, "more than 20000 torch calls")


def test_a_loss_without_recorded_calls_is_refused() -> None:
    tape = new_tape()
    tape.start()
    tape.pause()
    with pytest.raises(NotReplayable, match="not computed during the step"):
        tape.finalise(torch.zeros(()))
