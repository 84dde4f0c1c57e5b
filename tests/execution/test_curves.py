"""Stored losses: all of a short run, and ever fewer means of an endless run."""

import math

import pytest
import torch

from descend.doctor.instrumentation.steps import curves
from descend.doctor.instrumentation.steps.curves import WHOLE, Curves
from descend.doctor.record import Reading


class Clock:
    now = 0.0

    def perf_counter(self) -> float:
        return self.now


def run(monkeypatch, seconds: float, a_second: float, loss, *, endless: bool = True, rate=lambda step: 0.1):
    clock, sent = Clock(), []
    monkeypatch.setattr(curves, "time", clock)
    kept = Curves(sent.extend, endless=endless)
    for step in range(int(seconds * a_second)):
        clock.now = step / a_second
        kept.add_step("0", step, torch.tensor(loss(step)), rate(step))
        if kept.is_due:
            kept.flush()
    kept.flush(last=True)
    losses = [m for m in sent if isinstance(m, Reading) and m.name == "loss"]
    return losses, [m for m in sent if m.name == "learning_rate"]


@pytest.mark.slow
def test_an_hour_of_steps_needs_less_than_two_megabytes(monkeypatch):
    losses, rates = run(monkeypatch, 3600, 100, lambda step: 1 / (1 + step), rate=lambda step: 1 / (10 + step))
    whole = WHOLE - curves.FLUSH_STEPS  # Losses that are read together are stored together.
    assert [m.step for m in losses[:whole]] == list(range(whole))
    assert 16 * (len(losses) + len(rates)) < 2e6  # bytes of a step and a value
    later = losses[WHOLE:]
    assert len(later) > 5_000 and later[-1].step == losses[-1].step == 359_999
    assert all(a.step < b.step for a, b in zip(losses, losses[1:]))
    assert rates[-1].step >= 359_000
    assert all(1 / (1 + b.step) <= b.value <= 1 / (1 + a.step) for a, b in zip(later, later[1:]))


@pytest.mark.slow
def test_stored_readings_grow_ever_more_slowly(monkeypatch):
    one, _ = run(monkeypatch, 20_000, 2, lambda step: 1.0)
    ten, _ = run(monkeypatch, 200_000, 2, lambda step: 1.0)
    assert len(ten) < 4 * len(one) and len(ten) < 10 * curves.MOST
    assert {m.value for m in ten} == {1.0}


def test_every_loss_of_a_short_run_and_of_a_trial_is_stored(monkeypatch):
    for endless, steps in ((True, 777), (True, WHOLE), (False, 3 * WHOLE)):
        losses, _ = run(monkeypatch, steps / 1000, 1000, float, endless=endless)
        assert [m.value for m in losses] == [float(step) for step in range(steps)]


def test_a_nan_loss_is_not_averaged_away(monkeypatch):
    losses, _ = run(monkeypatch, 60, 1000, lambda step: math.nan if step == 50_000 else 1.0)
    assert len(losses) < 20_000 and sum(math.isnan(m.value) for m in losses) == 1
    first = next(m.step for m in losses if math.isnan(m.value))
    assert first == pytest.approx(50_000, abs=100)


@pytest.mark.parametrize("gradients", [True, False])
def test_the_gradient_norm_is_read_at_each_step_if_requested(gradients):
    sent: list[Reading] = []
    kept = Curves(sent.extend, gradients=gradients)
    parameters = [
        torch.nn.Parameter(torch.zeros(2)),
        torch.nn.Parameter(torch.zeros(1)),
        torch.nn.Parameter(torch.ones(1)),
    ]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for step in range(3):
        parameters[0].grad, parameters[1].grad = torch.tensor([2.0, 1.0]) * step, torch.tensor([2.0]) * step
        kept.add_step("0", step, torch.tensor(1.0), 0.1, optimizer)
    kept.flush(last=True)
    norms = [(m.place, m.step, m.value) for m in sent if m.name == "step_gradient_norm"]
    assert norms == ([("0", step, pytest.approx(3.0 * step)) for step in range(3)] if gradients else [])
