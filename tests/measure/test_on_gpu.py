"""No measurement combines CPU tensors with those of a script that trains on a GPU."""

from contextlib import suppress

import pytest
import torch
import torch.nn.functional as F
from moments import Training
from pretended import PretendedGpu
from sampling import sampled
from torch import nn

from descend.doctor.measure import PROBES, Unavailable

torch.manual_seed(0)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(12, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, 12)

    def forward(self, ids):
        return self.head(self.lstm(self.embedding(ids))[0])


def classifier():
    body = nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2)
    net = nn.Sequential(*body, nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4))
    batches = [(torch.randn(32, 6), torch.randint(0, 4, (32,))) for _ in range(3)]
    return net, [lambda x=x, y=y: F.cross_entropy(net(x), y) for x, y in batches], [t for b in batches for t in b]


def regression():
    net = nn.Sequential(nn.Linear(3, 16), nn.Sigmoid(), nn.Linear(16, 1))
    batches = [(100 * torch.randn(32, 3), torch.randn(32, 1)) for _ in range(3)]
    return net, [lambda x=x, y=y: F.mse_loss(net(x), y) for x, y in batches], [t for b in batches for t in b]


def images():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 1), nn.Sigmoid())
    batches = [(torch.randn(32, 1, 8, 8), torch.randint(0, 2, (32, 1)).float()) for _ in range(3)]
    return (
        net,
        [lambda x=x, y=y: F.binary_cross_entropy(net(x), y) for x, y in batches],
        [t for b in batches for t in b],
    )


def language():
    net = Recurrent()
    batches = [torch.randint(0, 12, (8, 9)) for _ in range(3)]
    steps = [lambda ids=ids: F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:]) for ids in batches]
    return net, steps, batches


@pytest.mark.slow
@pytest.mark.parametrize("made", sampled([classifier, regression, images, language], classifier, language))
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_probe_keeps_to_the_scripts_device(made, probe):
    net, steps, data = made()
    training = Training(net, steps, torch.optim.SGD(net.parameters(), lr=0.01))
    steps[0]().backward()
    kept = [t for r in training.monitor for t in (*r.data.values(), *r.statistics.values())]
    gradients = [p.grad for p in net.parameters()]
    with PretendedGpu([*net.parameters(), *net.buffers(), *data, *kept, *gradients]) as gpu:
        with suppress(Unavailable):
            list(probe.measure(training.snapshot()))
    assert not gpu.met
