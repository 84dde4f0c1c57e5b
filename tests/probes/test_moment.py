import pytest
import torch
import torch.nn.functional as F
from moments import Training
from torch import nn

from descend.probes import Unavailable
from descend.probes.moment import forward

X, Y = torch.randn(6, 3), torch.randint(2, (6,))


def classifier() -> Training:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(5, 2))
    return Training(net, [lambda: F.cross_entropy(net(X), Y)])


def test_names() -> None:
    training = classifier()
    moment = training.moment()
    assert [moment.name(p) for p in moment.parameters] == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert training.moment(names={}).name(moment.parameters[2]) == "parameter 2"


def test_the_monitor_comes_before_the_step() -> None:
    training = classifier()
    own = training.monitor[0]
    assert training.moment(recording=None).recordings() == training.monitor
    assert training.moment(recording=own, monitor=()).recordings() == (own,)
    with pytest.raises(Unavailable, match="could not be recorded"):
        training.moment(monitor=()).recordings()


def test_forward_passes_are_taken_once_for_all_probes() -> None:
    moment = classifier().moment()
    assert moment.trained is moment.trained
    assert moment.evaluated is moment.evaluated


def test_values_are_kept_as_they_were_when_made() -> None:
    """An activation in place overwrites what it is given; a later one must not overwrite what was seen."""
    training = classifier()
    ((op, output),) = training.moment().trained[0].activations
    expected = training.net[0](X).clamp_min(0)
    assert op.name == "relu"
    torch.testing.assert_close(output, expected)


def test_training_and_evaluation() -> None:
    training = classifier()
    moment = training.moment()
    (trained,), (evaluated,) = moment.trained, moment.evaluated
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
