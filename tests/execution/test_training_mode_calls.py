"""Training mode during evaluation is found, with the layer and the call of the model."""

import linecache
import warnings

import pytest
import torch
import torch.nn.functional as F
import torch.utils.checkpoint
from torch import nn

from descend.doctor.instrumentation.frames import SourceTree
from descend.doctor.instrumentation.modules import Modules
from descend.doctor.instrumentation.training_mode_calls import TrainingModeCalls, observing_training_mode
from descend.doctor.record import Record, facts


class Bare(nn.Module):
    """A module with dropout in any mode, or in the mode that is passed."""

    def __init__(self, *mode: bool) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, 0.5, *self.mode)


def seen(*nets: nn.Module, step: int = 3, gradients: bool = False, of_ours: bool = False) -> Record:
    record = Record()
    modes = TrainingModeCalls(Modules(SourceTree(), record.extend), record.extend, lambda: step, lambda: not of_ours)
    modes.on_internal_error = mistaken
    with observing_training_mode(modes), torch.set_grad_enabled(gradients):
        for net in nets:
            net(torch.randn(8, 3))
    return record


def mistaken(error: Exception) -> None:
    raise error


def called(record: Record, kind: str, key: str = "0") -> str:
    site = record.site(kind, key)
    return linecache.getline(site.file, site.line).strip()


@pytest.mark.parametrize("layer", [nn.Dropout(0.2), nn.AlphaDropout(), nn.BatchNorm1d(3), nn.Dropout1d()])
def test_a_layer_in_training_mode_is_reported_at_the_call_of_the_model(layer: nn.Module) -> None:
    record = seen(nn.Sequential(nn.Linear(3, 3), layer))
    assert list(record.every(facts.TrainingMode)) == ["0"] and called(record, "evaluated") == "net(torch.randn(8, 3))"
    assert record.fact(facts.TrainingMode, "0").by_itself is False and record.site("drawn") is None


def test_a_function_without_a_mode_is_reported_at_its_own_line() -> None:
    record = seen(Bare().eval())
    assert record.fact(facts.TrainingMode, "0") == facts.TrainingMode("dropout", by_itself=True)
    assert called(record, "drawn") == "return F.dropout(x, 0.5, *self.mode)" and record.site("evaluated", "0")


@pytest.mark.parametrize(
    "net",
    [
        nn.Dropout().eval(),
        nn.Dropout(0.0),
        nn.BatchNorm1d(3).eval(),
        nn.BatchNorm1d(3, track_running_stats=False).eval(),
        nn.BatchNorm1d(3, track_running_stats=False),  # It has no other statistics.
        nn.LayerNorm(3),
        Bare(False),
    ],
    ids=str,
)
def test_layers_that_compute_the_same_in_both_modes_are_not_reported(net: nn.Module) -> None:
    assert not seen(net).every(facts.TrainingMode)


@pytest.mark.parametrize("state", [{"step": 0}, {"gradients": True}, {"of_ours": True}], ids=str)
def test_only_the_scripts_evaluations_after_the_first_step_are_reported(state: dict) -> None:
    assert not seen(nn.Dropout(), **state).every(facts.TrainingMode)


def test_a_recomputed_forward_pass_is_not_an_evaluation() -> None:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(3, 3), nn.Dropout())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.utils.checkpoint.checkpoint(self.layers, x.requires_grad_(), use_reentrant=True)

    assert not seen(Checkpointed(), gradients=True).every(facts.TrainingMode)
    assert seen(Checkpointed().layers).every(facts.TrainingMode)


def backward_passes(evaluate, steps: int = 3, inputs: torch.Tensor | None = None) -> Record:
    """Train for some steps and call `evaluate(net, step)` after each, with gradients on."""
    record, step = Record(), 0
    modes = TrainingModeCalls(Modules(SourceTree(), record.extend), record.extend, lambda: step, lambda: True)
    modes.on_internal_error = mistaken
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    x = torch.randn(8, 3) if inputs is None else inputs
    with observing_training_mode(modes):
        for _ in range(steps):
            net(x).sum().backward()
            step += 1
            evaluate(net, step)
    modes.finish()
    return record


FIXED = torch.randn(8, 3)


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda net, step: net(torch.randn(8, 3)) if step == 3 else None,  # after the training
        lambda net, step: [net(torch.randn(8, 3)) for _ in range(2)] if step % 2 else None,
        lambda net, step: net(FIXED),  # after each step, with the training's own inputs
        lambda net, step: net(FIXED[torch.arange(8)]),  # a new copy each time
    ],
)
def test_an_undifferentiated_forward_pass_with_gradients_is_an_evaluation(evaluate) -> None:
    record = backward_passes(evaluate)
    assert list(record.every(facts.TrainingMode)) == ["0"] and "net(" in called(record, "evaluated")
    assert record.fact(facts.TrainingMode, "0") == facts.TrainingMode("batch_norm", False, with_gradients=True)


@pytest.mark.parametrize(
    "evaluate",
    [
        lambda net, step: (net.eval()(FIXED), net.train()),
        lambda net, step: net(torch.randn(8, 3)).sum().backward(),  # another loss that is also trained
        lambda net, step: net(torch.randn(8, 3)).detach(),  # with each step, as for a discriminator's input
    ],
)
def test_a_forward_pass_that_a_training_step_may_use_is_not_an_evaluation(evaluate) -> None:
    assert not backward_passes(evaluate).every(facts.TrainingMode)


def test_a_teacher_called_in_each_step_is_not_an_evaluation() -> None:
    assert not backward_passes(lambda net, step: net(FIXED), inputs=FIXED).every(facts.TrainingMode)


def test_a_recomputed_forward_pass_with_gradients_is_not_an_evaluation() -> None:
    def checkpointed(net: nn.Module, step: int) -> None:
        torch.utils.checkpoint.checkpoint(net, FIXED, use_reentrant=False).sum().backward()

    assert not backward_passes(checkpointed).every(facts.TrainingMode)


def test_gradients_are_unchanged_when_outputs_are_observed() -> None:
    found = []

    def remember(net: nn.Module, step: int) -> None:
        found.append([p.grad.clone() for p in net.parameters() if p.grad is not None])

    for watch in (True, False):
        torch.manual_seed(0)
        if watch:
            backward_passes(remember, inputs=FIXED)
        else:
            net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
            for step in range(3):
                net(FIXED).sum().backward()
                remember(net, step)
    assert all(torch.equal(a, b) for ours, theirs in zip(found[:3], found[3:]) for a, b in zip(ours, theirs))


def test_each_place_is_reported_once() -> None:
    assert seen(nn.Dropout(), nn.Dropout(), nn.Sequential(nn.Dropout())).every(facts.TrainingMode).keys() == {"0"}


def test_torchscript_compiles_observed_functions() -> None:
    """TorchScript reads a function's source through the globals of its wrapper."""
    from .bench import bench

    warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
    record = Record()
    modes = TrainingModeCalls(Modules(SourceTree(), record.extend), record.extend, lambda: 1, lambda: True)
    with bench(), observing_training_mode(modes):
        net = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.Dropout(), nn.BatchNorm1d(3)))
        loss = torch.jit.script(nn.CrossEntropyLoss())(net(torch.randn(4, 3)), torch.tensor([0, 1, 2, 0]))
    assert loss.isfinite()
