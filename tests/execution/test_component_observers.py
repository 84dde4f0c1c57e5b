"""Component observers: schedulers, gradient clipping and evaluation losses are recorded."""

import linecache
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD, lr_scheduler

from descend.doctor.record import Record, facts

from .bench import bench

SCRIPT = Path(__file__).parents[1] / "scripts" / "schedule_and_clipping.py"


def optimizer() -> SGD:
    return SGD([nn.Parameter(torch.ones(3))], lr=0.1)


# -- clipping


def clipped(call: Any) -> Record:
    weights = nn.Parameter(torch.ones(4))
    weights.grad = torch.full((4,), 3.0)
    with bench() as made:
        made.step = 2
        call([weights])
    return made.record


@pytest.mark.parametrize(
    "call",
    [
        lambda p: nn.utils.clip_grad_norm_(p, 0.5),
        lambda p: nn.utils.clip_grad_norm_(p, max_norm=0.5),
        lambda p: nn.utils.clip_grad_norm_(parameters=p, max_norm=0.5, norm_type=2.0),
        lambda p: torch.nn.utils.clip_grad.clip_grad_norm_(p, 0.5, 2.0, False),
    ],
)
def test_clipping_reports_its_limit_and_the_norm_before(call) -> None:
    record = clipped(call)
    assert record.fact(facts.Clip) == facts.Clip("clip_grad_norm_", 0.5)
    assert list(record.series("clipped_norm")) == [(2, 6.0)]
    site = record.site("clip")
    assert site is not None and (site.file, site.line) == (__file__, call.__code__.co_firstlineno)


@pytest.mark.parametrize(
    "call", [lambda p: nn.utils.clip_grad_value_(p, 0.25), lambda p: nn.utils.clip_grad_value_(p, clip_value=0.25)]
)
def test_clipping_by_value_reports_no_norm(call) -> None:
    record = clipped(call)
    assert record.fact(facts.Clip) == facts.Clip("clip_grad_value_", 0.25)
    assert not len(record.series("clipped_norm"))


def test_clipping_returns_the_same_result_when_observed() -> None:
    def both() -> tuple[torch.Tensor, torch.Tensor]:
        weights = nn.Parameter(torch.ones(4))
        weights.grad = torch.arange(4.0)
        return nn.utils.clip_grad_norm_([weights], 0.5), weights.grad

    expected = both()
    with bench():
        found = both()
    assert all(map(torch.equal, found, expected))


class OnGpu(torch.Tensor):
    """A tensor that claims to be on a GPU."""

    is_cpu = False


def test_norms_on_a_gpu_are_read_in_groups_without_loss() -> None:
    with bench() as made:
        for made.step in range(1, 8):
            made.components.clipping.gradients_clipped(
                "clip_grad_norm_", 0.5, torch.tensor(float(made.step)).as_subclass(OnGpu), None
            )
        assert not made.record.series("clipped_norm")
        made.finish()
    assert list(made.record.series("clipped_norm")) == [(step, float(step)) for step in range(1, 8)]


def test_a_held_out_loss_on_a_gpu_is_recorded() -> None:
    with bench() as made:
        made.step = 3
        with torch.no_grad():
            F.mse_loss(torch.full((5, 1), 2.0).as_subclass(OnGpu), torch.zeros(5, 1))
        made.finish()
    assert made.record.series("evaluation_loss").values == pytest.approx([4.0])


# -- schedulers

SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 10),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=10),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5),
}


@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_are_reported_with_their_sites_and_step_counts(name: str) -> None:
    with bench() as made:
        rule = optimizer()
        scheduler = SCHEDULERS[name](rule)
        for made.step in range(1, 5):
            rule.step()
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        made.finish()
    assert made.record.fact(facts.Scheduler, "0") == facts.Scheduler(name, 4)
    assert made.record.site("scheduler", "0").detail == name
    stepped = made.record.site("scheduler_step", "0")
    assert "scheduler.step(*" in linecache.getline(stepped.file, stepped.line)


def test_a_sequential_scheduler_counts_as_one_scheduler() -> None:
    with bench() as made:
        rule = optimizer()
        parts = [lr_scheduler.LinearLR(rule, total_iters=2), lr_scheduler.StepLR(rule, 3)]
        scheduler = lr_scheduler.SequentialLR(rule, parts, [2])
        for made.step in range(1, 5):
            rule.step()
            scheduler.step()
        made.finish()
    assert facts.Scheduler("SequentialLR", 4) in made.record.every(facts.Scheduler).values()


def test_a_scheduler_of_a_probe_is_not_one_of_the_script() -> None:
    with bench() as made:
        made.step, made.measuring = 1, True
        rule = optimizer()
        scheduler = lr_scheduler.CosineAnnealingLR(rule, 10)
        rule.step()
        scheduler.step()
        made.measuring = False
        made.finish()
    assert not made.record.sites and not made.record.every(facts.Scheduler)


def test_two_schedulers_have_different_keys() -> None:
    with bench() as made:
        rule = optimizer()
        first, second = lr_scheduler.StepLR(rule, 2), lr_scheduler.ExponentialLR(rule, 0.9)
        made.step = 1
        rule.step()
        second.step()
        made.finish()
    assert first is not second
    steps = {key: scheduler.steps for key, scheduler in made.record.every(facts.Scheduler).items()}
    assert steps == {"0": 0, "1": 1}


def test_all_patched_attributes_are_restored() -> None:
    names = (F.mse_loss, F.cross_entropy, nn.utils.clip_grad_norm_, nn.utils.clip_grad.clip_grad_value_)
    steps = (lr_scheduler.LRScheduler.step, lr_scheduler.ReduceLROnPlateau.__init__)
    with bench():
        assert F.mse_loss is not names[0]
    assert names == (F.mse_loss, F.cross_entropy, nn.utils.clip_grad_norm_, nn.utils.clip_grad.clip_grad_value_)
    assert steps == (lr_scheduler.LRScheduler.step, lr_scheduler.ReduceLROnPlateau.__init__)


# -- a whole run


def line(mark: str) -> int:
    return next(i for i, text in enumerate(SCRIPT.read_text().splitlines(), 1) if text.endswith(f"# {mark}"))


@pytest.mark.slow
def test_a_run_with_schedule_clipping_and_evaluations_is_recorded(stage) -> None:
    seen = stage.observed("baseline", "schedule_and_clipping.py")
    record = seen.record
    assert record.fact(facts.Clip) == facts.Clip("clip_grad_norm_", 0.3)
    assert list(record.series("clipped_norm").values) == pytest.approx(seen.own_log["norms"], rel=1e-6)
    assert record.fact(facts.Scheduler, "0") == facts.Scheduler("StepLR", 4)
    assert record.series("evaluation_loss").steps == (10, 20, 30, 40)
    assert list(record.series("evaluation_loss").values) == pytest.approx(seen.own_log["evaluations"], rel=1e-6)
    for kind in ("scheduler", "scheduler_step", "clip", "dropout"):
        assert record.site(kind).line == line(kind), kind
    assert (record.site("dropout").key, record.fact(facts.Dropout, "2")) == ("2", facts.Dropout(0.25))
    modes = [(modes.step, modes.fact.evaluation) for modes in record.history(facts.Modes)]
    assert modes[0] == (0, ()) and all(names == (("2",) if step >= 10 else ()) for step, names in modes)
    assert modes[-1][0] >= 10
