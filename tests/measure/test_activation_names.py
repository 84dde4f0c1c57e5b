"""An activation has one name in all recordings of a run."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moments import Step, Training, located, readings
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from descend.doctor.measure.activations import activations


class Repeating(TorchFunctionMode):
    """A torch function mode that makes each call again, as several of our observers do in a few steps."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(x))


LINE = Block.forward.__code__.co_firstlineno + 1


@pytest.mark.parametrize("mode", [nullcontext, Repeating, lambda: torch.device("cpu")])
def test_a_function_mode_does_not_hide_the_module_that_makes_a_call(mode: type[AbstractContextManager]) -> None:
    net, x = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), Block(), nn.Linear(5, 5), nn.ReLU()), torch.randn(6, 4)

    def within_mode() -> Tensor:
        with mode():
            return net(x).square().mean()

    run = Training(net, [within_mode, lambda: net(x).square().mean()], origin=located)
    found = readings(list(activations(run.snapshot())))
    assert [place for name, place in found if name == "activation_scale"] == ["1", f"2 sigmoid (line {LINE})", "4"]


class Chosen(nn.Module):
    """A network that calls a choice of its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.order = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)]), [0, 1, 2]
        with torch.no_grad():
            self.layers[2].bias.fill_(-100.0)

    def forward(self, x: Tensor) -> Tensor:
        for i in self.order:
            x = F.relu(self.layers[i](x))
        return x


def test_a_layer_keeps_its_number_if_another_batch_omits_a_layer() -> None:
    torch.manual_seed(0)
    net, x = Chosen(), torch.randn(8, 4)

    def calling(*order: int) -> Step:
        def step() -> Tensor:
            net.order = [*order]
            return net(x).square().mean()

        return step

    run = Training(net, [calling(0, 2), calling(0, 1, 2)])
    for monitor in (run.monitor[1:], run.monitor):
        found = readings(list(activations(run.snapshot(monitor=monitor))))
        dead = {place: value for (name, place), value in found.items() if name == "dead_share"}
        assert len(dead) == 3 and dead["model relu (line 0) (3)"] == 1.0
        assert dead["model relu (line 0) (2)"] < 1.0


def test_sequences_of_different_lengths_have_one_name() -> None:
    net = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        net.weight.fill_(1.0)

    def scores(*values: float) -> Step:
        sequence = torch.tensor(values).reshape(1, -1, 1)
        return lambda: F.relu(net(sequence) @ net(sequence).mT).mean()

    steps = scores(0.0, 1.0), scores(0.0, 0.0, 1.0)
    for order in (steps, steps[::-1]):
        run = Training(net, order)
        found = readings(list(activations(run.snapshot())))
        dead = {place: value for (name, place), value in found.items() if name == "dead_share"}
        assert dead == {"model relu (line 0)": pytest.approx(1 / 3)}  # Only the first position is never active.
