import pytest
import torch
import torch.nn.functional as F
from moments import Training
from torch import nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.snapshot import forward

X, Y = torch.randn(6, 3), torch.randint(2, (6,))


def classifier() -> Training:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(5, 2))
    return Training(net, [lambda: F.cross_entropy(net(X), Y)])


def test_names() -> None:
    training = classifier()
    snapshot = training.snapshot()
    assert [snapshot.name(p) for p in snapshot.parameters] == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert training.snapshot(names={}).name(snapshot.parameters[2]) == "parameter 2"


def test_the_monitor_comes_before_the_step() -> None:
    training = classifier()
    own = training.monitor[0]
    assert training.snapshot(recording=None).recordings() == training.monitor
    assert training.snapshot(recording=own, monitor=()).recordings() == (own,)
    with pytest.raises(Unavailable, match="could not be recorded"):
        training.snapshot(monitor=()).recordings()


def test_forward_passes_are_taken_once_for_all_probes() -> None:
    snapshot = classifier().snapshot()
    assert snapshot.trained is snapshot.trained
    assert snapshot.evaluated is snapshot.evaluated


def test_values_are_kept_as_they_were_when_made() -> None:
    """An activation in place overwrites its input, but a later call must not overwrite stored outputs."""
    training = classifier()
    ((op, output),) = training.snapshot().trained[0].activations
    expected = training.net[0](X).clamp_min(0)
    assert op.name == "relu"
    torch.testing.assert_close(output, expected)


def test_training_and_evaluation() -> None:
    training = classifier()
    snapshot = training.snapshot()
    (trained,), (evaluated,) = snapshot.trained, snapshot.evaluated
    training.net.eval()
    assert evaluated.loss == pytest.approx(F.cross_entropy(training.net(X), Y).item(), rel=1e-6)
    assert trained.loss != pytest.approx(evaluated.loss, rel=1e-4)
    assert evaluated.activations == ()
    assert evaluated.pair is not None and torch.equal(evaluated.pair[1], Y)


def test_stale_data_are_unavailable() -> None:
    x, net = torch.randn(1100, 1000), nn.Linear(1000, 1)
    training = Training(net, [lambda: net(x).square().mean()])
    x.zero_()
    with pytest.raises(Unavailable, match="changed its data"):
        forward(training.monitor[0], evaluation=False)
