from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from descend.doctor.measure.default_initialisation import LEAST, has_default_initialisation

LAYERS = {
    "linear": lambda: nn.Linear(30, 20).weight,
    "wide linear": lambda: nn.Linear(784, 256).weight,
    "conv1d": lambda: nn.Conv1d(4, 8, 5).weight,
    "conv2d": lambda: nn.Conv2d(3, 16, 3).weight,
    "conv transposed": lambda: nn.ConvTranspose2d(16, 8, 3).weight,
    "lstm, from the input": lambda: nn.LSTM(10, 32).weight_ih_l0,
    "lstm, from its state": lambda: nn.LSTM(10, 32).weight_hh_l0,
    "gru": lambda: nn.GRU(10, 32).weight_ih_l0,
    "rnn": lambda: nn.RNN(10, 32).weight_hh_l0,
    "embedding": lambda: nn.Embedding(50, 16).weight,
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("seed", range(3))
def test_torchs_default_initialisation_is_recognised(layer: str, seed: int) -> None:
    torch.manual_seed(seed)
    assert has_default_initialisation(LAYERS[layer]())


def trained(rule: Callable[..., torch.optim.Optimizer], steps: int, seed: int) -> Iterator[list[Tensor]]:
    """Return the two weight matrices of a small classifier after each step."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 5))
    x, y = torch.randn(64, 20), torch.randint(5, (64,))
    optimizer = rule(net.parameters())
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        yield [net[0].weight, net[2].weight]


RULES = {"SGD": partial(torch.optim.SGD, lr=0.1), "Adam": partial(torch.optim.Adam, lr=1e-3)}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.slow
def test_a_few_training_steps_are_recognised(rule: str, seed: int) -> None:
    *_, weights = trained(RULES[rule], 20, seed)
    assert not any(map(has_default_initialisation, weights))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_long_trained_weights_are_not_taken_for_initial_ones(seed: int) -> None:
    found = [
        any(map(has_default_initialisation, weights))
        for weights in trained(partial(torch.optim.Adam, lr=0.01), 300, seed)
    ]
    assert not any(found[5:])


DRAWN_OTHERWISE = {
    "xavier, uniform": lambda w: nn.init.xavier_uniform_(w),
    "xavier, normal": lambda w: nn.init.xavier_normal_(w),
    "he, uniform": lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "he, normal": lambda w: nn.init.kaiming_normal_(w),
    "orthogonal": lambda w: nn.init.orthogonal_(w),
    "zeros": lambda w: nn.init.zeros_(w),
    "small normal": lambda w: nn.init.normal_(w, std=0.02),
}


@pytest.mark.parametrize("rule", DRAWN_OTHERWISE)
def test_other_initialisations_are_not_taken_for_torchs_default(rule: str) -> None:
    torch.manual_seed(0)
    weight = nn.Linear(30, 40).weight
    DRAWN_OTHERWISE[rule](weight)
    assert not has_default_initialisation(weight)


def test_vectors_and_small_weights_are_never_recognised() -> None:
    assert not has_default_initialisation(nn.Linear(300, 200).bias)
    torch.manual_seed(0)
    assert not has_default_initialisation(nn.Linear(LEAST // 8 - 1, 8).weight) and has_default_initialisation(
        nn.Linear(LEAST // 8, 8).weight
    )
