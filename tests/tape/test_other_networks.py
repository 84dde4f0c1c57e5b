"""Teachers, averages and states of other networks in the loss: none of them is trained by it, all must be right."""

import pytest
import torch
import torch.nn.functional as F
from taping import assert_faithful, tape_step
from torch import Tensor, nn
from training import Step


@pytest.fixture
def train() -> Step:
    return Step()


def test_a_frozen_teacher_in_inference_mode(train: Step) -> None:
    teacher = nn.Linear(4, 3).requires_grad_(False)

    def step() -> Tensor:
        with torch.inference_mode():
            target = teacher(train.x)
        return F.mse_loss(train.net(train.x), target.clone())

    assert_faithful(train.taped(step))


def test_an_average_of_the_weights_kept_beside_them(train: Step) -> None:
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


def test_a_momentum_encoder_updated_inside_the_forward_pass(train: Step) -> None:
    """Momentum contrast: the keys' frozen encoder follows the queries' one between the two."""
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


def test_the_hidden_state_of_the_step_before(train: Step) -> None:
    """Truncated backpropagation through time: the state is cut off with `detach`, inside the step."""
    cell, head = nn.GRUCell(4, 5), nn.Linear(5, 3)
    carried = cell(torch.randn(10, 4))
    assert carried.grad_fn is not None

    def step() -> Tensor:
        hidden = cell(train.x, carried.detach())
        return F.cross_entropy(head(hidden), train.y)

    assert_faithful(tape_step(step, (*cell.parameters(), *head.parameters())))


def test_a_running_mean_of_the_losses_in_the_loss(train: Step) -> None:
    def step() -> Tensor:
        return train.forward() / train.previous.detach()

    assert_faithful(train.taped(step))
