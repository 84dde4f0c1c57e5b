"""The scheduler sets any hyper-parameter of an optimizer to its schedule, and resumes at its step."""

import io

import pytest
import torch
from torch.optim import SGD, Adam, lr_scheduler

import descend.optim
from descend.schedules import Cosine, Exponential, Linear, Scheduler, Step, Triangular, WarmRestarts


def two_groups(kind=SGD, **options):
    parameters = [torch.ones(2, requires_grad=True) for _ in range(2)]
    return kind([{"params": [parameters[0]], "lr": 1.0}, {"params": [parameters[1]], "lr": 0.1}], **options)


def run(optimizer, scheduler, steps):
    for _ in range(steps):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = p.detach().clone()
        optimizer.step()
        scheduler.step()


def test_each_group_keeps_its_initial_learning_rate_under_the_schedule():
    optimizer = two_groups()
    scheduler = Scheduler(optimizer, lr=Step(2, 0.5))
    run(optimizer, scheduler, 5)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.025] == scheduler.get_last_lr()


def test_momentum_moves_opposite_to_the_learning_rate_as_in_torch():
    ours, torchs = two_groups(momentum=0.9), two_groups(momentum=0.9)
    scheduler = Scheduler(ours, lr=Triangular(20, 0.1), momentum=lambda t: 2 - Triangular(20, 0.1)(t))
    run(ours, scheduler, 13)
    reference = lr_scheduler.CyclicLR(
        torchs, [0.1, 0.01], [1.0, 0.1], step_size_up=10, base_momentum=0.9, max_momentum=0.9 * 1.9
    )
    run(torchs, reference, 13)
    for mine, theirs in zip(ours.param_groups, torchs.param_groups):
        assert (mine["lr"], mine["momentum"]) == pytest.approx((theirs["lr"], theirs["momentum"]))


def test_momentum_is_the_first_of_betas_if_the_optimizer_has_betas():
    optimizer = two_groups(Adam, betas=(0.8, 0.95))
    run(optimizer, Scheduler(optimizer, momentum=Linear(10, 0.5)), 10)
    assert [group["betas"] for group in optimizer.param_groups] == [(0.4, 0.95)] * 2
    assert [group["lr"] for group in optimizer.param_groups] == [1.0, 0.1]


def test_weight_decay_and_numbers_in_tensors_are_scheduled():
    optimizer = Adam([torch.ones(2, requires_grad=True)], lr=torch.tensor(0.5), weight_decay=0.1)
    held = optimizer.param_groups[0]["lr"]
    scheduler = Scheduler(optimizer, lr=Exponential(0.5), weight_decay=Exponential(0.1))
    run(optimizer, scheduler, 2)
    assert optimizer.param_groups[0]["lr"] is held and held.item() == 0.125
    assert optimizer.param_groups[0]["weight_decay"] == pytest.approx(0.001)


@pytest.mark.parametrize("kind", [SGD, descend.optim.Momentum])
def test_the_scheduler_resumes_at_its_step(kind):
    def begin():
        optimizer = two_groups(kind, momentum=0.9)
        return optimizer, Scheduler(optimizer, lr=WarmRestarts(7, 2).after_warmup(3), momentum=Cosine(40, 0.5))

    whole, scheduler = begin()
    run(whole, scheduler, 11)
    kept = io.BytesIO()
    torch.save([whole.state_dict(), scheduler.state_dict()], kept)
    weights = [p.detach().clone() for group in whole.param_groups for p in group["params"]]
    run(whole, scheduler, 9)

    resumed, again = begin()
    kept.seek(0)
    states = torch.load(kept, weights_only=True)
    resumed.load_state_dict(states[0]), again.load_state_dict(states[1])
    with torch.no_grad():
        for p, value in zip((p for group in resumed.param_groups for p in group["params"]), weights):
            p.copy_(value)
    run(resumed, again, 9)
    for one, other in zip(whole.param_groups, resumed.param_groups):
        assert (one["lr"], one["momentum"]) == (other["lr"], other["momentum"])
        assert all(torch.equal(p, q) for p, q in zip(one["params"], other["params"]))


def test_what_the_optimizer_lacks_is_named():
    with pytest.raises(ValueError, match="no numeric hyper-parameter momentums; .*lr, momentum"):
        Scheduler(two_groups(), momentums=Step(3))
    with pytest.raises(ValueError, match="name a hyper-parameter and its schedule"):
        Scheduler(two_groups())
    with pytest.raises(TypeError, match="lr must be a schedule or a function of the step, not 0.1"):
        Scheduler(two_groups(), lr=0.1)


def test_the_scheduler_works_in_sequences_of_torch():
    optimizer = two_groups(momentum=0.5)
    first, second = (Scheduler(optimizer, lr=s, momentum=s) for s in (Linear(4, 0.5), Exponential(0.5)))
    scheduler = lr_scheduler.SequentialLR(optimizer, [first, second], [4])
    seen = []
    for _ in range(7):
        seen.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
        optimizer.step()
        scheduler.step()
    assert seen == [(rate, rate / 2) for rate in (1.0, 0.875, 0.75, 0.625, 1.0, 0.5, 0.25)]
