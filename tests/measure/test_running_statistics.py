import pytest
import torch
from moments import Training, kept, readings
from torch import nn

from descend.doctor.measure.running_statistics import running_statistics
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = 3 + 2 * torch.randn(40, 4), torch.randint(0, 3, (40,))


def measured(*momenta: float | None, updates: int = 10):
    """Return the facts after a number of batches of a network with a normalisation layer for each momentum."""
    torch.manual_seed(1)
    net = nn.Sequential(*(nn.BatchNorm1d(4, momentum=m) for m in momenta), nn.Linear(4, 3))
    for _ in range(updates - 1):
        net(X)
    training = Training(net, [lambda: nn.functional.cross_entropy(net(X), Y)])
    return list(running_statistics(training.snapshot())), net


def test_the_remaining_share_of_the_initial_statistics():
    found, _ = measured(0.1, 0.01, 0.01)
    of_one, of_the_others = kept(found).every(facts.RunningStatistics).values()
    assert of_one == facts.RunningStatistics(0.1, 10, pytest.approx(0.9**10), "0")
    assert of_the_others.remaining == pytest.approx(0.99**10)


def test_the_evaluation_metric_with_batch_statistics():
    found, net = measured(0.001)
    expected = nn.functional.cross_entropy(net(X), Y)
    given = readings(found)["metric_in_training_mode", "negative_log_likelihood"]
    assert given == pytest.approx(expected.item(), rel=1e-5)
    net.eval()
    assert nn.functional.cross_entropy(net(X), Y).item() != pytest.approx(given, rel=1e-2)


def test_layers_without_exponential_running_statistics_are_not_reported():
    assert not measured(None)[0]
    net = nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 3))
    training = Training(net, [lambda: nn.functional.cross_entropy(net(X), Y)])
    assert not list(running_statistics(training.snapshot()))


def test_a_normalisation_always_in_evaluation_mode_is_not_reported():
    net = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3)).eval()
    training = Training(net, [lambda: nn.functional.cross_entropy(net(X), Y)])
    assert not list(running_statistics(training.snapshot()))
