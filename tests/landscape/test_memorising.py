"""A large network memorises random labels, and a small one cannot; start and optimizer are the same."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from descend.landscape import loss_of, trained
from descend.landscape.fitting import fitted
from descend.landscape.memorising import (
    INPUTS,
    LABELS,
    TRUE,
    losses_to_memorise,
    memorised,
    memorising,
    noise_like,
    shuffled_targets,
)

X = torch.randn(64, 10, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > 0).long()
BATCHES = list(zip(X.split(16), Y.split(16)))


def adam(theta: list) -> torch.optim.Optimizer:
    return torch.optim.Adam(theta, lr=0.01)


def network(units: int) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(10, units), nn.ReLU(), nn.Linear(units, 2))


def test_a_large_network_learns_random_labels_later_and_is_not_changed() -> None:
    net = network(128)
    held = [p.clone() for p in net.parameters()]
    found = memorised(net, F.cross_entropy, BATCHES, adam, passes=60)
    assert all(torch.equal(a, b) for a, b in zip(held, net.parameters()))
    true, random = found.passes(TRUE), found.passes(LABELS)
    assert true is not None and random is not None and random > true and found.delay() == random / true
    assert found.passes(INPUTS) is not None
    assert found.fits[LABELS].costs[0] == pytest.approx(found.fits[TRUE].costs[0], rel=0.1)


@pytest.mark.slow
def test_a_small_network_does_not_learn_random_labels() -> None:
    found = memorised(network(1), F.cross_entropy, BATCHES, adam, passes=60)
    assert found.passes(LABELS) is None and found.delay() is None


def test_a_fit_equals_a_training_loop() -> None:
    net = network(4)
    loss, start = loss_of(net, F.cross_entropy, BATCHES), trained(net)
    found = fitted(loss, [p.clone() for p in start], lambda theta: torch.optim.SGD(theta, 0.1, momentum=0.9), 3)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for _ in range(3):
        for x, y in BATCHES:
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
    for ours, theirs in zip(found.theta, net.parameters()):
        torch.testing.assert_close(ours, theirs.detach())
    assert len(found.costs) == 3 and found.final == pytest.approx(F.cross_entropy(net(X), Y).item())
    stopped = fitted(loss, start, adam, 50, go_on=lambda costs: len(costs) < 2)
    assert len(stopped.costs) == 2


def test_labels_are_shuffled_and_inputs_are_noise() -> None:
    made = shuffled_targets([y for _, y in BATCHES])
    assert [len(t) for t in made] == [16] * 4 and not torch.equal(torch.cat(made), Y)
    assert torch.equal(torch.cat(made).bincount(), Y.bincount())
    noise = torch.cat(noise_like([2 * x + 3 for x, _ in BATCHES]))
    assert float(noise.mean()) == pytest.approx(3, abs=0.3) and float(noise.std()) == pytest.approx(2, rel=0.1)
    with pytest.raises(ValueError, match=r"floating-point inputs, not torch\.int64"):
        noise_like([Y])
    with pytest.raises(ValueError, match="at least 1 pass, not 0"):
        memorised(network(1), F.cross_entropy, BATCHES, adam, passes=0)
    with pytest.raises(ValueError, match="is not among random labels"):
        memorising({LABELS: losses_to_memorise(network(1), F.cross_entropy, BATCHES)[LABELS]}, [], adam, 1)
