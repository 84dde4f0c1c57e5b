"""Early stopping, restarts and snapshot ensembles."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import descend.optim
from descend.averaging import EarlyStopping, RestartOnPlateau, SnapshotEnsemble, random_restarts
from descend.schedules import Constant, Cosine, Scheduler, WarmRestarts


def number(value):
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(value)
    return model


def test_training_stops_after_the_patience_and_the_best_weights_are_restored():
    model, values = number(0), [5.0, 3.0, 4.0, 2.9, 3.5, 2.95, 3.0, 1.0]
    stopping, stopped = EarlyStopping(model, patience=3), None
    for k, value in enumerate(values):
        model.weight.data.fill_(k)
        if stopping.step(value):
            stopped = k
            break
    assert (stopped, stopping.best) == (6, 2.9)
    stopping.restore()
    assert model.weight.item() == 3


def test_mode_max_and_min_delta_define_an_improvement():
    model = number(0)
    stopping = EarlyStopping(model, patience=2, mode="max", min_delta=0.1)
    assert [stopping.step(value) for value in (0.5, 0.55, 0.7, 0.75, 0.78)] == [False, False, False, False, True]
    assert stopping.best == 0.7


def test_early_stopping_stores_copies_and_resumes_from_a_checkpoint():
    model = number(1)
    stopping = EarlyStopping(model, patience=3)
    stopping.step(1.0)
    model.weight.data.fill_(9)
    again = EarlyStopping(model, patience=3)
    again.load_state_dict(stopping.state_dict())
    again.restore()
    assert model.weight.item() == 1 and not again.step(2.0) and again.since == 1


def test_values_that_cannot_be_compared_are_rejected():
    stopping = EarlyStopping(number(0), patience=1)
    with pytest.raises(ValueError, match="the monitored value is NaN"):
        stopping.step(math.nan)
    with pytest.raises(RuntimeError, match="no best weights"):
        stopping.restore()
    with pytest.raises(ValueError, match="patience must be >= 1"):
        EarlyStopping(number(0), patience=0)
    with pytest.raises(ValueError, match="mode must be min or max, not 'least'"):
        EarlyStopping(number(0), patience=1, mode="least")


@pytest.mark.parametrize("kind", [torch.optim.Adam, descend.optim.Adam])
def test_a_restart_restores_the_best_weights_halves_the_lr_and_clears_the_state(kind):
    def step(model, optimizer, x):
        optimizer.zero_grad()
        (model(x) ** 2).sum().backward()
        optimizer.step()

    model, x = number(3.0), torch.ones(1, 1)
    optimizer = kind(model.parameters(), lr=0.1)
    restart = RestartOnPlateau(model, optimizer, patience=2, restarts=1)
    step(model, optimizer, x)
    assert not restart.step(1.0)
    best = model.weight.item()
    for _ in range(2):
        step(model, optimizer, x)
        assert not restart.step(2.0)
    assert model.weight.item() == best and optimizer.param_groups[0]["lr"] == 0.05

    fresh = number(best)
    other = kind(fresh.parameters(), lr=0.05)
    for _ in range(2):
        step(model, optimizer, x), step(fresh, other, x)
    assert torch.equal(model.weight, fresh.weight)
    assert [restart.step(value) for value in (3.0, 3.0)] == [False, True]


def test_a_restart_halves_the_initial_lr_of_a_scheduler():
    model = number(1.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    scheduler, restart = Scheduler(optimizer, lr=Constant()), RestartOnPlateau(model, optimizer, patience=1)
    restart.step(1.0), restart.step(2.0)
    optimizer.step(), scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 0.05


def test_random_restarts_returns_the_best_model():
    wells = {0: 3.0, 1: math.nan, 2: 1.0, 3: 2.0}
    made = []

    def make():
        made.append(torch.initial_seed())
        return number(len(made) - 1)

    model, losses = random_restarts(make, lambda model: wells[int(model.weight.item())], restarts=4, seed=10)
    assert model.weight.item() == 2 and losses[0] == 3.0 and made == [10, 11, 12, 13]
    with pytest.raises(ValueError, match="no restart reached a finite loss"):
        random_restarts(lambda: number(0), lambda model: math.inf, restarts=2)
    with pytest.raises(ValueError, match="restarts must be at least 1, not 0"):
        random_restarts(make, lambda model: 0.0, restarts=0)


def classifier():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.BatchNorm1d(16), nn.Linear(16, 3))


def snapshots(steps, members=2, schedule=None):
    model, schedule = classifier(), schedule or WarmRestarts(5)
    ensemble, ends = SnapshotEnsemble(model, schedule, members), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    kept = []
    for step in range(steps):
        x = torch.randn(32, 2)
        optimizer.zero_grad()
        cross_entropy(model(x), (x[:, 0] > 0).long() + (x[:, 1] > 0).long()).backward()
        optimizer.step()
        if ensemble.step():
            ends.append(step)
            kept.append({name: value.clone() for name, value in model.state_dict().items()})
    return model, ensemble, ends, kept


def test_an_ensemble_predicts_the_mean_of_its_last_members():
    model, ensemble, ends, kept = snapshots(17)
    assert ends == [4, 9, 14]
    x, expected = torch.randn(7, 2), []
    for state in kept[-2:]:
        model.load_state_dict(state)
        expected.append(model.eval()(x).softmax(-1))
    torch.testing.assert_close(ensemble(x), torch.stack(expected).mean(0))
    torch.testing.assert_close(ensemble(x).sum(-1), torch.ones(7))
    assert not any(p.requires_grad for p in ensemble.parameters())


def test_an_ensemble_is_saved_with_its_number_of_members():
    _, ensemble, _, _ = snapshots(11)
    again = SnapshotEnsemble(classifier(), WarmRestarts(5), 2)
    again.load_state_dict(ensemble.state_dict())
    x = torch.randn(4, 2)
    assert torch.equal(again(x), ensemble(x)) and again.steps == 11


def test_a_warm_up_delays_the_ends_of_the_cycles():
    assert snapshots(20, schedule=WarmRestarts(5).after_warmup(3))[2] == [7, 12, 17]
    assert snapshots(20, schedule=WarmRestarts(4, 2).rewarmed(6, 2).after_warmup(2))[2] == [5, 13]


def test_an_ensemble_without_a_snapshot_cannot_predict():
    with pytest.raises(RuntimeError, match="no cycle has ended"):
        SnapshotEnsemble(classifier(), WarmRestarts(5))(torch.zeros(1, 2))
    for without in (Cosine(5), Cosine(5).after_warmup(3), lambda t: 1.0):
        with pytest.raises(TypeError, match="schedule must have cycles, such as WarmRestarts, not"):
            SnapshotEnsemble(classifier(), without)
    with pytest.raises(ValueError, match="members must be at least 1"):
        SnapshotEnsemble(classifier(), WarmRestarts(5), 0)
