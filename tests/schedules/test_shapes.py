"""Schedules equal the formulas in their papers, and the schedulers of torch if torch has them."""

import math
import pickle
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import SGD, lr_scheduler

from descend.schedules import (
    Constant,
    Cosine,
    CosineCycle,
    Exponential,
    InversePower,
    InverseTime,
    Linear,
    Noam,
    Schedule,
    Step,
    Triangular,
    WarmRestarts,
    Warmup,
)

STEPS = 250
TORCHS = {
    "step": (Step(30), lambda o: lr_scheduler.StepLR(o, 30)),
    "step of a half": (Step(7, 0.5), lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
    "exponential": (Exponential(0.97), lambda o: lr_scheduler.ExponentialLR(o, 0.97)),
    "linear": (Linear(100, 0.1), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, 100)),
    "triangular": (
        Triangular(40, 0.1),
        lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, step_size_up=20, cycle_momentum=False),
    ),
    "restarts": (WarmRestarts(50), lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 50)),
    "growing restarts": (
        WarmRestarts(10, 2, 0.05),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, 2, 0.05),
    ),
    "cosine": (Cosine(STEPS, 0.2), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.2)),
    "inverse power": (InversePower(0.7), lambda o: lr_scheduler.LambdaLR(o, lambda t: (t + 1) ** -0.7)),
    "cycles": (CosineCycle(50), lambda o: lr_scheduler.CosineAnnealingLR(o, 25)),
    "cycles above 0": (CosineCycle(60, 0.2), lambda o: lr_scheduler.CosineAnnealingLR(o, 30, 0.2)),
    "warm-up": (Warmup(10), lambda o: lr_scheduler.LinearLR(o, 0.1, 1.0, 9)),
    "constant": (Constant(), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
}
DECAYS = [InversePower(), InverseTime(20.0), Step(9), Exponential(0.9), Linear(70), Cosine(70, 0.1)]
ALL = [*(ours for ours, _ in TORCHS.values()), *DECAYS, Noam(512, 40), Cosine(50).after_warmup(5).rewarmed(30, 4)]


def rates(make) -> list[float]:
    optimizer = SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, seen = make(optimizer), []
    for _ in range(STEPS):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize("name", TORCHS)
def test_schedules_equal_those_of_torch(name):
    ours, torchs = TORCHS[name]
    assert [ours(step) for step in range(STEPS)] == pytest.approx(rates(torchs), abs=1e-9)


def test_inverse_time_is_a_half_after_its_constant():
    schedule = InverseTime(50.0)
    assert (schedule(0), schedule(50), schedule(150)) == (1.0, 0.5, 0.25)


def test_noam_equals_the_formula_of_the_transformer():
    schedule = Noam(512, 4000)
    for step in (1, 17, 4000, 4001, 90_000):
        assert schedule(step - 1) == pytest.approx(512**-0.5 * min(step**-0.5, step * 4000**-1.5))
    assert max(range(9000), key=schedule) == 3999


@pytest.mark.parametrize("schedule", DECAYS)
def test_decays_begin_at_one_and_never_rise(schedule):
    values = [schedule(step) for step in range(300)]
    assert values[0] == 1.0 and all(0 <= b <= a for a, b in zip(values, values[1:]))


@given(st.integers(1, 60), st.integers(1, 4), st.floats(0, 0.9), st.integers(0, 5000))
def test_restarts_stay_between_low_and_one_and_return_to_one_after_each_period(period, growth, low, t):
    schedule = WarmRestarts(period, growth, low)
    assert low - 1e-9 <= schedule(t) <= 1 + 1e-9
    assert (schedule(t + 1) == 1.0) == schedule.ends_at(t)


@pytest.mark.parametrize(
    ("schedule", "ends"),
    [
        (WarmRestarts(4, 2), [3, 11, 27]),
        (WarmRestarts(4).after_warmup(2).rewarmed(7, 3), [5, 9, 13, 17, 21, 25, 29]),
        (WarmRestarts(4).then(Constant(0.1), 9), [3, 7]),
        (WarmRestarts(10).then(WarmRestarts(5), 8), [12, 17, 22, 27]),
        (Cosine(10).after_warmup(2), []),
    ],
    ids=repr,
)
def test_the_ends_of_the_cycles_are_known(schedule, ends):
    assert [t for t in range(30) if schedule.ends_at(t)] == ends and schedule.has_cycles == bool(ends)
    assert all(schedule(t) <= min(schedule(t - 1), schedule(t - 2)) for t in ends)


@given(st.integers(1, 50), st.floats(0, 0.99) | st.just(1.0), st.integers(0, 400))
def test_a_warm_up_shifts_what_follows_it(steps, start, t):
    schedule = Cosine(100).after_warmup(steps, start)
    assert schedule(steps + t) == Cosine(100)(t)
    assert schedule(steps - 1) == pytest.approx(1.0)
    assert all(schedule(s) < schedule(s + 1) or start == 1 for s in range(steps - 1))


def test_a_warm_up_of_zero_steps_changes_nothing():
    assert Cosine(10).after_warmup(0) == Cosine(10)


def test_one_schedule_follows_another():
    schedule = Constant(1.0).then(Constant(0.1), 3).then(Linear(2), 5)
    assert [round(schedule(t), 9) for t in range(8)] == [1, 1, 1, 0.1, 0.1, 1, 0.5, 0]


def test_a_second_warm_up_rises_to_the_schedule():
    schedule = Linear(100).rewarmed(50, 5)
    assert schedule(49) == Linear(100)(49)
    assert [schedule(50 + k) / Linear(100)(50 + k) for k in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])


def test_a_factor_may_underflow_to_zero_without_an_error():
    assert Exponential(0.5)(100_000) == 0.0 and Step(1)(100_000) == 0.0
    assert math.isfinite(InversePower(2.0)(10**9))


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_equal_schedules_compare_equal(schedule):
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule and [again(t) for t in range(60)] == [schedule(t) for t in range(60)]


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_steps_count_from_zero(schedule):
    with pytest.raises(ValueError, match="no step -1"):
        schedule(-1)


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Cosine(0), ValueError, "Cosine: total_steps must be at least 1, not 0"),
        (lambda: Cosine(-5), ValueError, "total_steps must be at least 1, not -5"),
        (lambda: Cosine(None), TypeError, "total_steps must be an integer number of steps, not None"),
        (lambda: WarmRestarts(0), ValueError, "WarmRestarts: period must be at least 1, not 0"),
        (lambda: WarmRestarts(10, 0), ValueError, "growth must be at least 1"),
        (lambda: Step(2.5), TypeError, "period must be an integer number of steps, not 2.5"),
        (lambda: Exponential(math.nan), ValueError, "decay must be a finite number of at least 0, not nan"),
        (lambda: Exponential(-0.1), ValueError, "not -0.1"),
        (lambda: InverseTime(0.0), ValueError, "constant must be above 0"),
        (lambda: InverseTime("often"), TypeError, "constant must be a number, not 'often'"),
        (lambda: Cosine(10).after_warmup(-3), ValueError, "Warmup: steps must be at least 1, not -3"),
        (lambda: Cosine(10).then(Cosine(10), 0), ValueError, "after must be at least 1, not 0"),
    ],
)
def test_a_field_out_of_range_is_named(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_a_user_defined_schedule():
    @dataclass(frozen=True)
    class Halving(Schedule):
        """A factor that is halved every `period` steps."""

        period: int

        def factor(self, t):
            return 0.5 ** (t / self.period)

    assert Halving(10).after_warmup(4)(14) == 0.5
    with pytest.raises(ValueError, match="Halving: period"):
        Halving(0)
