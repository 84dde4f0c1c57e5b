"""What is known of the model once it has been called."""

import sys

import pytest
import torch
from torch import nn

from descend.doctor.observing.frames import SourceTree
from descend.doctor.observing.modules import Modules
from descend.doctor.record import Message, Record, facts


class Calling(nn.Module):
    """A model that is found as it is called, as the tape finds it."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts, self.record = nn.Sequential(*parts), Record()
        self.modules_seen = Modules(SourceTree(), self.take)

    def take(self, messages: list[Message]) -> None:
        self.record.extend(messages)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.modules_seen.note_model_call(sys._getframe())
        return self.parts(x)


def model() -> Calling:
    return Calling(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.3), nn.Linear(6, 2))


X = torch.randn(8, 4)


def unfit(net: Calling) -> list[str]:
    net(X)
    return net.modules_seen.unfit_statistics()


def test_statistics_that_were_never_fitted() -> None:
    net = model().eval()
    assert unfit(net) == ["parts.1"]
    net.train()
    assert unfit(net) == []  # it normalises by the batch


def test_statistics_of_some_training_are_fit() -> None:
    net = model()
    net(X)
    assert unfit(net.eval()) == []


@pytest.mark.parametrize("kind", ["loaded", "none", "another norm"])
def test_statistics_that_were_loaded_or_are_not_kept(kind: str) -> None:
    net = model().eval()
    if kind == "loaded":  # without the count of batches, as old checkpoints are
        net.parts[1].running_mean.fill_(0.3)
    else:
        net.parts[1] = nn.BatchNorm1d(6, track_running_stats=False) if kind == "none" else nn.LayerNorm(6)
    assert unfit(net.eval()) == []


def test_modules_in_evaluation_mode() -> None:
    net = model()
    net(X)
    assert net.modules_seen.idle_switches() == []
    net.parts[2].eval()
    assert net.modules_seen.idle_switches() == ["parts.2"]
    net.eval()
    assert net.modules_seen.idle_switches() == ["parts.1", "parts.2"]


def test_dropout_is_described_once() -> None:
    net = Calling(nn.Linear(4, 4), nn.Dropout(0.3), nn.Dropout1d(0.1))
    net(X)
    net(X)
    assert net.record.every(facts.Dropout) == {"parts.1": facts.Dropout(0.3), "parts.2": facts.Dropout(0.1)}
    assert all(len(net.record.history(facts.Dropout, place)) == 1 for place in ("parts.1", "parts.2"))


class Hasty(nn.Module):
    """Makes a layer in each forward pass; or in the first one alone, when it is needed."""

    def __init__(self, modules: Modules, *, once: bool) -> None:
        super().__init__()
        self.modules_seen, self.once, self.kept, self.passes = modules, once, None, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        layer = self.kept
        if layer is None:
            layer = nn.Linear(4, 4)
            self.modules_seen.note_made(layer, sys._getframe(), self.passes)
        self.kept = layer if self.once else None
        return layer(x)


@pytest.mark.parametrize(
    ("once", "training", "found"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_layers_that_are_made_in_each_forward_pass(once: bool, training: bool, found: bool) -> None:
    record = Record()
    net = Hasty(Modules(SourceTree(), record.extend), once=once)
    with torch.set_grad_enabled(training):
        for _ in range(4):
            net(X)
    site = record.site("made_in_forward", "0")
    assert (site is not None) == (training and not once)
    assert site is None or site.detail == "Linear"
