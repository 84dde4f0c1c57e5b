"""What stands beside the loop is counted: schedulers, clipping, losses on held-out data."""

import linecache
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import SGD, lr_scheduler

from descend.observing.frames import SourceTree
from descend.observing.knobs import Knobs, observing_knobs
from descend.observing.modules import Modules
from descend.record import Message, Record

SCRIPT = Path(__file__).parents[1] / "scripts" / "knobs.py"


class Bench:
    """A record that is filled here and now; the test says which step it is and whether we measure."""

    def __init__(self) -> None:
        self.record, self.step, self.measuring = Record(), 0, False
        modules = Modules(SourceTree(), self.take)
        self.knobs = Knobs(modules, self.take, lambda: self.step, lambda: self.measuring)

    def take(self, messages: list[Message]) -> None:
        self.record.extend(messages)

    def mistakes(self, error: Exception) -> None:
        raise error


@contextmanager
def bench() -> Iterator[Bench]:
    made = Bench()
    made.knobs.stumbled = made.mistakes
    with observing_knobs(made.knobs):
        yield made


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
def test_the_limit_and_the_norm_that_was_cut(call) -> None:
    record = clipped(call)
    assert record.fact("clip") == {"function": "clip_grad_norm_", "limit": 0.5}
    assert list(record.series("clipped_norm")) == [(2, 6.0)]
    site = record.site("clip")
    assert site is not None and (site.file, site.line) == (__file__, call.__code__.co_firstlineno)


@pytest.mark.parametrize(
    "call", [lambda p: nn.utils.clip_grad_value_(p, 0.25), lambda p: nn.utils.clip_grad_value_(p, clip_value=0.25)]
)
def test_values_are_cut_without_a_norm(call) -> None:
    record = clipped(call)
    assert record.fact("clip") == {"function": "clip_grad_value_", "limit": 0.25}
    assert not len(record.series("clipped_norm"))


def test_what_the_script_gets_is_what_it_would_have_got() -> None:
    def both() -> tuple[torch.Tensor, torch.Tensor]:
        weights = nn.Parameter(torch.ones(4))
        weights.grad = torch.arange(4.0)
        return nn.utils.clip_grad_norm_([weights], 0.5), weights.grad

    expected = both()
    with bench():
        found = both()
    assert all(map(torch.equal, found, expected))


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
def test_a_scheduler_s_sites_and_how_often_it_is_stepped(name: str) -> None:
    with bench() as made:
        rule = optimizer()
        scheduler = SCHEDULERS[name](rule)
        for made.step in range(1, 5):
            rule.step()
            scheduler.step(*([1.0] if name == "ReduceLROnPlateau" else []))
        made.knobs.finish()
    assert made.record.fact("scheduler", "0") == {"class": name, "steps": 4}
    assert made.record.site("scheduler", "0").detail == name
    stepped = made.record.site("scheduler_step", "0")
    assert "scheduler.step(*" in linecache.getline(stepped.file, stepped.line)


def test_a_sequence_of_schedulers_is_one_that_the_script_steps() -> None:
    with bench() as made:
        rule = optimizer()
        parts = [lr_scheduler.LinearLR(rule, total_iters=2), lr_scheduler.StepLR(rule, 3)]
        scheduler = lr_scheduler.SequentialLR(rule, parts, [2])
        for made.step in range(1, 5):
            rule.step()
            scheduler.step()
        made.knobs.finish()
    facts = [made.record.fact("scheduler", key) for key in made.record.places("scheduler")]
    assert {"class": "SequentialLR", "steps": 4} in facts


def test_two_schedulers_have_a_key_each() -> None:
    with bench() as made:
        rule = optimizer()
        first, second = lr_scheduler.StepLR(rule, 2), lr_scheduler.ExponentialLR(rule, 0.9)
        made.step = 1
        rule.step()
        second.step()
        made.knobs.finish()
    assert first is not second
    steps = {key: made.record.fact("scheduler", key)["steps"] for key in made.record.places("scheduler")}
    assert steps == {"0": 0, "1": 1}


# -- evaluations


def evaluation(*losses: float) -> None:
    with torch.no_grad():
        for loss in losses:
            F.mse_loss(torch.tensor([loss]).sqrt(), torch.zeros(1))


def test_each_evaluation_is_averaged() -> None:
    with bench() as made:
        for made.step, losses in ((3, (1.0, 2.0, 6.0)), (7, (4.0,))):
            evaluation(*losses)
        nn.L1Loss()(torch.ones(2, requires_grad=True), torch.zeros(2))  # a training step's
        made.knobs.finish()
    assert list(made.record.series("evaluation_loss")) == [(3, pytest.approx(3.0)), (7, pytest.approx(4.0))]


def test_what_is_evaluated_in_other_lines_is_kept_apart() -> None:
    """Most scripts evaluate their training data, too: `train_loss = evaluate(a)`, `val_loss = evaluate(b)`."""
    with bench() as made:
        for made.step in (3, 7):
            evaluation(0.1, 0.3)
            evaluation(float(made.step))
        made.step = 9
        with torch.inference_mode():
            nn.MSELoss()(torch.zeros(2), torch.full((2,), 2.0))
        made.knobs.finish()
    assert list(made.record.series("evaluation_loss")) == [(3, pytest.approx(0.2)), (7, pytest.approx(0.2))]
    assert list(made.record.series("evaluation_loss", "1")) == [(3, pytest.approx(3.0)), (7, pytest.approx(7.0))]
    assert made.record.series("evaluation_loss", "2").values == pytest.approx([4.0])
    assert made.record.held_out() == made.record.series("evaluation_loss", "1")


def test_a_loss_that_the_training_does_not_minimise_is_no_evaluation_of_it() -> None:
    with bench() as made:
        F.mse_loss(torch.ones(2, requires_grad=True), torch.zeros(2))
        for made.step in (3, 7):
            evaluation(float(made.step))
            with torch.no_grad():
                F.l1_loss(torch.ones(2), torch.zeros(2))
        made.knobs.finish()
    assert made.record.places("evaluation_loss") == [""]


def test_a_sum_over_the_examples_is_told_for_each() -> None:
    with bench() as made:
        made.step = 3
        with torch.no_grad():
            F.mse_loss(torch.full((5, 1), 2.0), torch.zeros(5, 1), reduction="sum")
        made.knobs.finish()
    assert made.record.series("evaluation_loss").values == pytest.approx([4.0])


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_terms_of_the_task_are_no_matter_of_the_loss(loss, reduction) -> None:
    with bench() as made:
        for made.step in (3, 6):
            with torch.no_grad():
                for error in (1.0, 3.0):
                    getattr(F, loss)(torch.full((5, 2), error), torch.zeros(5, 2), reduction=reduction)
        made.knobs.finish()
    assert list(made.record.series("evaluation_yardstick", "squared_error 0")) == [(3, 5.0), (6, 5.0)]
    assert made.record.series("evaluation_median_error", "squared_error 0").values == (5.0, 5.0)


def test_probabilities_and_scores_are_judged_alike() -> None:
    """As they stand before and after a change of the output layer."""
    scores, classes, answers = torch.randn(8, 3), torch.arange(8) % 3, torch.rand(8).round()
    told = []
    for one, other in (
        (("cross_entropy", scores, classes), ("nll_loss", scores.softmax(1), classes)),
        (
            ("binary_cross_entropy_with_logits", scores[:, 0], answers),
            ("binary_cross_entropy", scores[:, 0].sigmoid(), answers),
        ),
    ):
        for function, prediction, target in (one, other):
            with bench() as made:
                made.step = 3
                with torch.no_grad():
                    getattr(F, function)(prediction, target=target)
                made.knobs.finish()
            told.append(made.record.series("evaluation_yardstick", "negative_log_likelihood 0").last)
    assert told[0] == pytest.approx(told[1], rel=1e-5) and told[2] == pytest.approx(told[3], rel=1e-5)


def test_shapes_that_only_the_loss_can_pair_cost_its_value_nothing() -> None:
    with bench() as made:
        made.step = 3
        with torch.no_grad():
            F.mse_loss(torch.ones(4, 1), torch.zeros(1, 3))
        made.knobs.finish()
    assert made.record.series("evaluation_loss").last == 1.0 and not made.record.places("evaluation_yardstick")


def test_what_is_evaluated_seldom_is_not_what_is_held_out() -> None:
    """The test data at the end."""
    with bench() as made:
        for made.step in range(5, 30, 5):
            evaluation(1.0)
        evaluation(2.0)
        made.knobs.finish()
    assert made.record.held_out() == made.record.series("evaluation_loss") and made.record.held_out().last == 1.0


def test_weights_that_are_copied_are_noted() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with bench() as made:
        net.state_dict()
        for made.step in (4, 4, 9):
            assert len(net.state_dict()) == 4
        made.measuring = True
        made.step = 11
        net.state_dict()
    assert made.record.series("weights_kept").steps == (4, 9)


def test_predictions_that_were_kept_apart_are_evaluated_later() -> None:
    """`out` is computed under no_grad, and its loss is not."""
    with bench() as made:
        for made.step in (5, 10, 15):
            F.mse_loss(torch.tensor([made.step**0.5]), torch.zeros(1))
        made.knobs.finish()
    assert list(made.record.series("evaluation_loss")) == [(s, pytest.approx(s)) for s in (5, 10, 15)]


def test_a_metric_of_each_training_step_is_no_evaluation() -> None:
    with bench() as made:
        for made.step in range(1, 9):
            F.l1_loss(torch.ones(2), torch.zeros(2))
        made.step = 20
        evaluation(4.0)
        made.knobs.finish()
    assert list(made.record.series("evaluation_loss")) == [(20, pytest.approx(4.0))]


def test_what_is_no_evaluation() -> None:
    with bench() as made:
        evaluation(5.0)  # before the first step
        made.step = 2
        made.measuring = True
        evaluation(9.0)  # a replay of ours
        made.measuring = False
        with torch.no_grad():
            F.mse_loss(torch.ones(3), torch.zeros(3), reduction="none")  # one for each example
        evaluation(float("nan"))
        made.knobs.finish()
    assert not len(made.record.series("evaluation_loss"))


def test_everything_is_put_back() -> None:
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
def test_a_run_with_schedule_clipping_and_evaluations(stage) -> None:
    seen = stage.observed("exam", "knobs.py")
    record = seen.record
    assert record.fact("clip") == {"function": "clip_grad_norm_", "limit": 0.3}
    assert list(record.series("clipped_norm").values) == pytest.approx(seen.witness["norms"], rel=1e-6)
    assert record.fact("scheduler", "0") == {"class": "StepLR", "steps": 4}
    assert record.series("evaluation_loss").steps == (10, 20, 30, 40)
    assert list(record.series("evaluation_loss").values) == pytest.approx(seen.witness["evaluations"], rel=1e-6)
    for kind in ("scheduler", "scheduler_step", "clip", "dropout"):
        assert record.site(kind).line == line(kind), kind
    assert (record.site("dropout").key, record.fact("dropout", "2")) == ("2", {"p": 0.25})
    modes = [(fact.step, fact.detail["evaluation"]) for fact in record.history("modes")]
    assert modes[0] == (0, []) and all(names == (["2"] if step >= 10 else []) for step, names in modes)
    assert modes[-1][0] >= 10
