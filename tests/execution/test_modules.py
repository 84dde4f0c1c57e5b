"""Properties of the model that are known after its first call."""

import gc
import sys
import weakref

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.record import Message, Record, facts
from descend.doctor.script.script import Script


class Calling(nn.Module):
    """A model that is found when it is called, as by the tape."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.parts, self.record = nn.Sequential(*parts), Record()
        self.modules_seen = Modules(SourceTree(), self.take)

    def take(self, messages: list[Message]) -> None:
        self.record.extend(messages)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.modules_seen.find_model(sys._getframe())
        return self.parts(x)


def model() -> Calling:
    return Calling(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.3), nn.Linear(6, 2))


X = torch.randn(8, 4)


def unfit(net: Calling) -> list[str]:
    net(X)
    return net.modules_seen.unfitted_batch_norms()


def test_batch_norms_with_initial_statistics_are_found() -> None:
    net = model().eval()
    assert unfit(net) == ["parts.1"]
    net.train()
    assert unfit(net) == []  # It normalises by the batch.


def test_batch_norms_with_fitted_statistics_are_not_found() -> None:
    net = model()
    net(X)
    assert unfit(net.eval()) == []


@pytest.mark.parametrize("kind", ["loaded", "none", "another norm"])
def test_batch_norms_with_loaded_or_without_statistics_are_not_found(kind: str) -> None:
    net = model().eval()
    if kind == "loaded":  # without the count of batches, as in old checkpoints
        net.parts[1].running_mean.fill_(0.3)
    else:
        net.parts[1] = nn.BatchNorm1d(6, track_running_stats=False) if kind == "none" else nn.LayerNorm(6)
    assert unfit(net.eval()) == []


def test_modules_in_evaluation_mode_are_found() -> None:
    net = model()
    net(X)
    assert net.modules_seen.modules_in_eval_mode() == []
    net.parts[2].eval()
    assert net.modules_seen.modules_in_eval_mode() == ["parts.2"]
    net.eval()
    assert net.modules_seen.modules_in_eval_mode() == ["parts.1", "parts.2"]


def test_dropout_layers_are_reported_once() -> None:
    net = Calling(nn.Linear(4, 4), nn.Dropout(0.3), nn.Dropout1d(0.1))
    net(X)
    net(X)
    assert net.record.every(facts.Dropout) == {"parts.1": facts.Dropout(0.3), "parts.2": facts.Dropout(0.1)}
    assert all(len(net.record.history(facts.Dropout, place)) == 1 for place in ("parts.1", "parts.2"))


class Hasty(nn.Module):
    """Make a layer in each forward pass, or only in the first one."""

    def __init__(self, modules: Modules, *, once: bool) -> None:
        super().__init__()
        self.modules_seen, self.once, self.kept, self.passes = modules, once, None, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        layer = self.kept
        if layer is None:
            layer = nn.Linear(4, 4)
            self.modules_seen.record_construction(layer, sys._getframe(), self.passes)
        self.kept = layer if self.once else None
        return layer(x)


@pytest.mark.parametrize(
    ("once", "training", "found"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_layers_made_in_each_forward_pass_are_reported(once: bool, training: bool, found: bool) -> None:
    record = Record()
    net = Hasty(Modules(SourceTree(), record.extend), once=once)
    with torch.set_grad_enabled(training):
        for _ in range(4):
            net(X)
    site = record.site("made_in_forward", "0")
    assert (site is not None) == (training and not once)
    assert site is None or site.detail == "Linear"


class _Replicated(DistributedDataParallel):
    """A model that averages its gradients over processes, without the process group that its constructor needs."""

    def __init__(self, part: nn.Module) -> None:
        nn.Module.__init__(self)
        self.part = part


def test_averaging_of_gradients_does_not_depend_on_the_steps_recorded_so_far() -> None:
    """Each rank records other steps, but all ranks must decide alike whether they measure together."""
    modules = Modules(SourceTree(), lambda messages: None)
    modules.record_construction(model := _Replicated(nn.Linear(2, 1)), None, 0)
    assert modules.averages_gradients()
    late = Modules(SourceTree(), lambda messages: None)
    assert not late.averages_gradients()
    late.find_data_parallel()
    assert late.averages_gradients() and model is not None


def test_modules_keep_their_names_after_the_model_is_freed() -> None:
    net = model()
    seen, kept, model_reference = net.modules_seen, net.parts[1], weakref.ref(net)
    net(X)
    seen.send = lambda messages: None  # This was a method of the model.
    del net
    gc.collect()
    assert model_reference() is None and seen.name(kept) == "parts.1"
    assert seen.name(nn.ReLU()) == "ReLU"  # not part of a model


def test_a_module_that_is_added_to_the_model_later_has_its_qualified_name() -> None:
    net = model()
    net(X)
    net.parts.append(added := nn.ReLU())
    assert net.modules_seen.name(added) == "parts.4"


TEXT = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        return torch.relu(self.layer(x))

def main():
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), Block(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    for step in range(12):
        optimizer.zero_grad()
        (net(x) - x[:, :1]).square().mean().backward()
        optimizer.step()

main()
"""


def test_activations_have_one_name_from_the_first_step_to_the_end(observe, tmp_path):
    """We observe the writes to parameters in some of these steps, and `main` frees the model before the run ends."""
    path = tmp_path / "train.py"
    path.write_text(TEXT)
    record = observe(Script(path, tmp_path))
    assert record.places("activation_scale") == ["1", "2 relu (line 11)"]
    for place in record.places("activation_scale"):
        steps = record.series("activation_scale", place).steps
        assert {0, 1, 2, 3} <= {*steps} and steps[-1] == record.steps == 12


@pytest.mark.parametrize("part", [0, 3])
def test_parameters_that_replace_those_of_the_optimizer_are_named(part: int) -> None:
    net = model()
    net(X).sum().backward()
    held = list(net.parameters())
    unheld = net.modules_seen.parameters_without_optimizer({id(p) for p in held})
    assert net.modules_seen.replaced_parameters(held, unheld) == []
    new = net.parts[part].weight = nn.Parameter(net.parts[part].weight.detach().clone())
    net.zero_grad()
    for p in held:
        p.grad = None
    net(X).sum().backward()
    unheld = net.modules_seen.parameters_without_optimizer({id(p) for p in held})
    assert list(unheld.values()) == [new]
    assert net.modules_seen.replaced_parameters(held, unheld) == [f"parts.{part}.weight"]
    # A new layer of another shape replaces nothing.
    assert net.modules_seen.replaced_parameters(held, {"new": nn.Parameter(torch.zeros(3, 3))}) == []
