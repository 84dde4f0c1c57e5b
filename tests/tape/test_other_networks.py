"""Teachers, averages and states of other networks in the loss, which does not train them but depends on them."""

import pytest
import torch
import torch.nn.functional as F
from taping import assert_faithful, tape_step
from torch import Tensor, nn
from training import Step


@pytest.fixture
def train() -> Step:
    return Step()


def test_a_frozen_teacher_in_inference_mode_is_replayed(train: Step) -> None:
    teacher = nn.Linear(4, 3).requires_grad_(False)

    def step() -> Tensor:
        with torch.inference_mode():
            target = teacher(train.x)
        return F.mse_loss(train.net(train.x), target.clone())

    assert_faithful(train.taped(step))


def test_a_moving_average_of_the_weights_is_replayed(train: Step) -> None:
    average = [p.detach().clone() for p in train.net.parameters()]

    def step() -> Tensor:
        with torch.no_grad():
            for mean, p in zip(average, train.net.parameters()):
                mean.mul_(0.9).add_(p, alpha=0.1)
        return train.forward()

    taped = train.taped(step)
    kept = [a.clone() for a in average]
    assert_faithful(taped)
    assert all(torch.equal(a, k) for a, k in zip(average, kept))


def test_a_momentum_encoder_updated_in_the_forward_pass_is_replayed(train: Step) -> None:
    """Momentum contrast: the frozen encoder of the keys is updated after the queries have been encoded."""
    keys = nn.Linear(4, 3).requires_grad_(False)
    queries = nn.Linear(4, 3)

    def step() -> Tensor:
        q = queries(train.x)
        with torch.no_grad():
            for k, p in zip(keys.parameters(), queries.parameters()):
                k.mul_(0.9).add_(p, alpha=0.1)
            target = keys(train.x)
        return F.mse_loss(q, target)

    taped = tape_step(step, tuple(queries.parameters()))
    kept = keys.weight.clone()
    assert_faithful(taped)
    assert torch.equal(keys.weight, kept)


def test_the_hidden_state_of_the_previous_step_is_replayed(train: Step) -> None:
    """Truncated backpropagation through time: the step detaches the state with `detach`."""
    cell, head = nn.GRUCell(4, 5), nn.Linear(5, 3)
    carried = cell(torch.randn(10, 4))
    assert carried.grad_fn is not None

    def step() -> Tensor:
        hidden = cell(train.x, carried.detach())
        return F.cross_entropy(head(hidden), train.y)

    assert_faithful(tape_step(step, (*cell.parameters(), *head.parameters())))


def test_a_running_mean_of_losses_in_the_loss_is_replayed(train: Step) -> None:
    def step() -> Tensor:
        return train.forward() / train.previous.detach()

    assert_faithful(train.taped(step))
