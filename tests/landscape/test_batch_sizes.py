"""The effect of the batch size: the knee of a made-up curve is found, and runs reach their target."""

from dataclasses import replace
from math import inf, isnan, nan

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from descend.landscape.batch_sizes import Run, Training, kept_bytes, shuffled_batches, tradeoff, train


def made(size: int, seed: int = 0, lr: float = 0.1, worse: float = 1.0) -> Run:
    """Return a run of a problem with a knee at 40, on a machine whose step takes 1 ms and 10 µs per example."""
    generator = torch.Generator().manual_seed(1000 * size + seed)
    a, b = (0.05 * torch.randn(2, generator=generator)).exp().tolist()
    steps, each = 50 * (1 + 40 / size) * a * worse, (1e-3 + 1e-5 * size) * b
    return Run(size, lr, steps, steps * each, each)


def test_the_knee_and_the_limit_of_the_machine_are_found() -> None:
    runs = [made(size, seed) for size in (4, 16, 64, 256, 1024) for seed in range(4)]
    found = tradeoff(runs)
    assert found.knee == pytest.approx(40, rel=0.1) and found.least_steps == pytest.approx(50, rel=0.1)
    low, high = found.steps.ratio_interval()
    assert low <= 40 <= high and high < 60
    assert found.machine_limit == pytest.approx(100, rel=0.15)
    assert found.fastest == pytest.approx((40 * 100) ** 0.5, rel=0.1)  # where the product of the two curves is smallest
    times = {s: 50 * (1 + 40 / s) * (1e-3 + 1e-5 * s) for s in range(1, 1000)}
    assert min(times, key=times.__getitem__) == pytest.approx(found.fastest, rel=0.1)


def test_the_best_learning_rate_of_each_size_counts() -> None:
    runs = [made(size, seed) for size in (4, 16, 64) for seed in range(2)]
    runs += [made(size, seed, lr=0.01, worse=3.0) for size in (4, 16, 64) for seed in range(2)]
    runs += [Run(256, 0.1, inf, inf, 1e-3)]
    assert {(run.size, run.lr) for run in tradeoff(runs).runs} == {(4, 0.1), (16, 0.1), (64, 0.1)}
    with pytest.raises(ValueError, match="only 2 batch sizes reached"):
        tradeoff([run for run in runs if run.size != 64])


def small() -> Training:
    torch.manual_seed(0)
    x = torch.randn(256, 6)
    y = x @ torch.randn(6, 1) + 0.5 * torch.randn(256, 1)
    rule = lambda parameters, lr: torch.optim.SGD(parameters, lr)  # noqa: E731
    return Training(nn.Linear(6, 1), F.mse_loss, (x, y), rule, [0.01, 0.05], 0.35, seeds=2, most_steps=300)


def test_runs_stop_at_the_target_and_do_not_change_the_model() -> None:
    training = small()
    before = training.model.weight.clone()
    runs = training.runs([4, 64, 256])
    assert torch.equal(training.model.weight, before) and len(runs) == 3 * 2 * 2
    best = tradeoff(runs)
    assert {run.size for run in best.runs} == {4, 64, 256}
    assert all(run.steps < 300 and run.seconds == pytest.approx(run.steps * run.step_seconds) for run in best.runs)
    by_size = {run.size: run.steps for run in best.runs}
    assert by_size[4] > by_size[256]
    again = training.runs([4])
    assert [run.steps for run in again] == [run.steps for run in runs[:4]]


def test_an_unreachable_target_and_an_impossible_batch_size() -> None:
    training = small()
    hopeless = Training(**{**vars(training), "target": 0.0, "most_steps": 5})
    assert all(run.steps == inf for run in hopeless.runs([64]))
    with pytest.raises(ValueError, match="from 1 to 256 examples, not 300"):
        training.runs([300])


def test_training_takes_one_step_for_each_batch_until_go_on_is_false() -> None:
    training = small()
    weights = nn.Linear(6, 1)
    seen: list[int] = []

    def go_on(step: int) -> bool:
        seen.append(step)
        return step < 7

    batches = shuffled_batches(training.data, 100, seed=1)
    taken = train(weights, F.mse_loss, batches, torch.optim.SGD(weights.parameters(), 0.1), go_on)
    assert seen == [1, 2, 3, 4, 5, 6, 7] and len(taken) == 7 and min(taken) > 0


def test_the_time_of_a_step_excludes_the_first_steps_and_the_loss_checks(monkeypatch) -> None:
    """On a fake clock, a step takes 1 s, the first three steps 100 s, and a check of the loss 10 s."""
    now, taken = [0.0], {"steps": 0}

    class Clocked(torch.optim.SGD):
        def step(self, closure=None):
            taken["steps"] += 1
            now[0] += 100 if taken["steps"] <= 3 else 1
            return super().step(closure)

    class Checked(nn.Linear):
        def forward(self, x):
            now[0] += 10 * (not self.training)
            return super().forward(x)

    monkeypatch.setattr("descend.landscape.batch_sizes.perf_counter", lambda: now[0])
    given = {**vars(small()), "model": Checked(6, 1), "rule": Clocked, "target": 0.0, "most_steps": 20, "seeds": 1}
    assert [run.step_seconds for run in Training(**given).runs([4, 64])] == [1.0] * 4


def test_without_timed_steps_only_the_knee_is_known() -> None:
    found = tradeoff([replace(made(size), seconds=nan, step_seconds=nan) for size in (4, 16, 64)])
    assert found.knee == pytest.approx(40, rel=0.5) and found.seconds is None
    assert isnan(found.machine_limit) and isnan(found.fastest)


def test_an_epoch_contains_each_example_once() -> None:
    x = torch.arange(10)
    batches = shuffled_batches((x, x), 3, seed=0)
    first, second = (torch.cat([next(batches)[0] for _ in range(3)]) for _ in range(2))
    assert len(set(first.tolist())) == len(set(second.tolist())) == 9 and first.tolist() != second.tolist()


def test_the_bytes_kept_for_the_backward_pass() -> None:
    x, y, model = torch.randn(7, 6), torch.randn(7, 1), nn.Linear(6, 1)
    assert kept_bytes(lambda: F.mse_loss(model(x), y), model.parameters()) == 4 * (
        7 * 6 + 7 + 7
    )  # inputs, outputs and targets
