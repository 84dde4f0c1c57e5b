"""Losses of evaluations are separated from training losses."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from .bench import bench


def evaluation(*losses: float) -> None:
    with torch.no_grad():
        for loss in losses:
            F.mse_loss(torch.tensor([loss]).sqrt(), torch.zeros(1))


def test_each_evaluation_is_averaged_over_its_batches() -> None:
    with bench() as made:
        for made.step, losses in ((3, (1.0, 2.0, 6.0)), (7, (4.0,))):
            evaluation(*losses)
        nn.L1Loss()(torch.ones(2, requires_grad=True), torch.zeros(2))  # the loss of a training step
        made.finish()
    assert list(made.record.series("evaluation_loss")) == [(3, pytest.approx(3.0)), (7, pytest.approx(4.0))]


def test_evaluations_in_different_lines_are_separate() -> None:
    """Most scripts also evaluate training data: `train_loss = evaluate(a)`, `val_loss = evaluate(b)`."""
    with bench() as made:
        for made.step in (3, 7):
            evaluation(0.1, 0.3)
            evaluation(float(made.step))
        made.step = 9
        with torch.inference_mode():
            nn.MSELoss()(torch.zeros(2), torch.full((2,), 2.0))
        made.finish()
    assert list(made.record.series("evaluation_loss")) == [(3, pytest.approx(0.2)), (7, pytest.approx(0.2))]
    assert list(made.record.series("evaluation_loss", "1")) == [(3, pytest.approx(3.0)), (7, pytest.approx(7.0))]
    assert made.record.series("evaluation_loss", "2").values == pytest.approx([4.0])
    assert made.record.held_out() == made.record.series("evaluation_loss", "1")


def test_a_loss_of_another_kind_than_the_training_loss_is_ignored() -> None:
    with bench() as made:
        F.mse_loss(torch.ones(2, requires_grad=True), torch.zeros(2))
        for made.step in (3, 7):
            evaluation(float(made.step))
            with torch.no_grad():
                F.l1_loss(torch.ones(2), torch.zeros(2))
        made.finish()
    assert made.record.places("evaluation_loss") == [""]


def test_a_summed_loss_is_divided_by_the_number_of_examples() -> None:
    with bench() as made:
        made.step = 3
        with torch.no_grad():
            F.mse_loss(torch.full((5, 1), 2.0), torch.zeros(5, 1), reduction="sum")
        made.finish()
    assert made.record.series("evaluation_loss").values == pytest.approx([4.0])


@pytest.mark.parametrize("loss", ["mse_loss", "l1_loss", "huber_loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_evaluation_metric_does_not_depend_on_the_loss(loss, reduction) -> None:
    with bench() as made:
        for made.step in (3, 6):
            with torch.no_grad():
                for error in (1.0, 3.0):
                    getattr(F, loss)(torch.full((5, 2), error), torch.zeros(5, 2), reduction=reduction)
        made.finish()
    assert list(made.record.series("evaluation_metric", "squared_error 0")) == [(3, 5.0), (6, 5.0)]
    assert made.record.series("evaluation_median_error", "squared_error 0").values == (5.0, 5.0)


def test_probabilities_and_logits_have_the_same_evaluation_metric() -> None:
    """A remedy may change the output layer, so the metric must be the same before and after."""
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
                made.finish()
            told.append(made.record.series("evaluation_metric", "negative_log_likelihood 0").last)
    assert told[0] == pytest.approx(told[1], rel=1e-5) and told[2] == pytest.approx(told[3], rel=1e-5)


def test_a_loss_with_unusual_shapes_is_recorded_without_a_metric() -> None:
    with bench() as made:
        made.step = 3
        with torch.no_grad():
            F.mse_loss(torch.ones(4, 1), torch.zeros(1, 3))
        made.finish()
    assert made.record.series("evaluation_loss").last == 1.0 and not made.record.places("evaluation_metric")


def test_evaluations_of_different_lines_are_numbered_in_order() -> None:
    """The test data are often evaluated only at the end."""
    with bench() as made:
        for made.step in range(5, 30, 5):
            evaluation(1.0)
        evaluation(2.0)
        made.finish()
    assert made.record.held_out() == made.record.series("evaluation_loss") and made.record.held_out().last == 1.0


def test_copies_of_the_weights_are_recorded() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    with bench() as made:
        net.state_dict()
        for made.step in (4, 4, 9):
            assert len(net.state_dict()) == 4
        made.measuring = True
        made.step = 11
        net.state_dict()
    assert made.record.series("saved_weights").steps == (4, 9)


def test_losses_of_detached_predictions_are_evaluations() -> None:
    """`out` is computed under no_grad, but its loss is not."""
    with bench() as made:
        for made.step in (5, 10, 15):
            F.mse_loss(torch.tensor([made.step**0.5]), torch.zeros(1))
        made.finish()
    assert list(made.record.series("evaluation_loss")) == [(s, pytest.approx(s)) for s in (5, 10, 15)]


def test_a_detached_loss_in_each_training_step_is_not_an_evaluation() -> None:
    with bench() as made:
        for made.step in range(1, 9):
            F.l1_loss(torch.ones(2), torch.zeros(2))
        made.step = 20
        evaluation(4.0)
        made.finish()
    assert list(made.record.series("evaluation_loss")) == [(20, pytest.approx(4.0))]


def test_calls_that_are_not_evaluations_are_ignored() -> None:
    with bench() as made:
        evaluation(5.0)  # before the first step
        made.step = 2
        made.measuring = True
        evaluation(9.0)  # a replay by a probe
        made.measuring = False
        with torch.no_grad():
            F.mse_loss(torch.ones(3), torch.zeros(3), reduction="none")  # one loss for each example
        evaluation(float("nan"))
        made.finish()
    assert not len(made.record.series("evaluation_loss"))
