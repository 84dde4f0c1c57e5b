import math
import warnings
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import Tensor, nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.mixing import mixing
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = torch.randn(12, 7, 3), torch.randint(2, (12,))


class Reader(nn.Module):
    """Reads sequences (N, T, features), with the right or the wrong dimension order."""

    def __init__(self, layer: nn.Module, how: str) -> None:
        super().__init__()
        self.layer, self.how, self.head = layer, how, nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "view":
            x = x.view(7, -1, 3)
        if self.how == "transpose":
            x = x.transpose(0, 1)
        out = self.layer(x)
        out = out[0] if isinstance(out, tuple) else out
        return self.head(out[-1] if self.how in ("view", "transpose", "time") else out[:, -1])


def found(net: nn.Module, x: Tensor = X, **changes: Any) -> facts.Mixing:
    training = Training(net, [lambda: F.cross_entropy(net(x), Y[: len(x)])])
    return kept(mixing(training.snapshot(**changes))).fact(facts.Mixing)


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Chosen(nn.Module):
    """A softmax of three dimensions without `dim`: torch takes the first dimension."""

    def forward(self, x: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return F.softmax(x)


def lstm(**options: Any) -> nn.LSTM:
    return nn.LSTM(3, 6, **options)


class Attention(nn.MultiheadAttention):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x, x, x)[0]


def attending(**options: Any) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 6), Attention(6, 2, **options))


MIXED = {
    "attention": (lambda: Reader(attending(), "last"), "attention"),
    "attention in time": (lambda: Reader(attending(batch_first=True), "transpose"), "attention"),
    "a softmax": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(21, 5), nn.Softmax(0), nn.Linear(5, 2)), "softmax"),
    "a softmax of its own choice": (lambda: nn.Sequential(Chosen(), nn.Flatten(), nn.Linear(21, 2)), "softmax"),
    "a recurrent layer": (lambda: Reader(lstm(), "last"), ""),
    "by what is not known": (lambda: nn.Sequential(nn.Flatten(), Centred(), nn.Linear(21, 2)), ""),
}
APART = {
    "batch first": lambda: Reader(lstm(batch_first=True), "last"),
    "transposed": lambda: Reader(lstm(), "transpose"),
    "attention": lambda: Reader(attending(batch_first=True), "last"),
    "batch norm": lambda: nn.Sequential(nn.Flatten(), nn.Linear(21, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)),
    "dropout": lambda: nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(21, 2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MIXED)
def test_examples_that_are_mixed(name: str) -> None:
    make, by = MIXED[name]
    mixed = found(make())
    assert mixed.share > 0.3 and mixed.by == by and mixed.examples == 12
    assert mixed.batch_first == ("of time" in name or "in time" in name)


@pytest.mark.parametrize("name", APART)
def test_independent_examples_are_not_reported(name: str) -> None:
    assert found(APART[name]()).share == 0


def test_a_batch_that_was_picked_and_reshaped_before() -> None:
    net = Reader(attending(), "last")
    data = torch.randn(40, 21)
    rows = torch.randperm(40)[:12]
    training = Training(net, [lambda: F.cross_entropy(net(data[rows].view(12, 7, 3)), Y)])
    assert kept(mixing(training.snapshot())).fact(facts.Mixing).by == "attention"


def test_a_batch_of_as_many_examples_as_steps() -> None:
    square = torch.randn(7, 7, 3)
    assert found(Reader(attending(), "last"), square).by == "attention"
    assert found(Reader(attending(batch_first=True), "last"), square).share == 0


def test_reasons_why_mixing_is_unknown() -> None:
    with pytest.raises(Unavailable, match="all alike"):
        found(nn.Sequential(nn.Flatten(), nn.Linear(21, 2)), torch.ones(12, 7, 3))
    with pytest.raises(Unavailable, match="fewer than 4 outputs"):
        found(nn.Sequential(nn.Flatten(), nn.Linear(21, 2)), X[:3])
    net = nn.Linear(3, 1)
    with pytest.raises(Unavailable, match="the targets are unknown"):
        list(mixing(Training(net, [lambda: net(X).exp().mean()]).snapshot()))


@pytest.mark.parametrize(("options", "share"), [({}, True), ({"batch_first": True}, False)])
def test_data_that_are_changed_in_place_before_the_network(options: dict[str, bool], share: bool) -> None:
    net, batch = Reader(attending(**options), "last"), X.clone()

    def step() -> Tensor:
        half = batch * 0.5
        batch.add_(half)
        return F.cross_entropy(net(batch), Y)

    mixed = kept(mixing(Training(net, [step]).snapshot())).fact(facts.Mixing)
    assert (mixed.share > 0) == share and mixed.by == ("attention" if share else "")


@pytest.mark.parametrize(("shape", "dim"), [((12, 7), -1), ((12, 7, 1), -2), ((12, 2, 7), -1)])
def test_the_dimension_of_the_entries_of_one_example_is_found(shape: tuple[int, ...], dim: int) -> None:
    class Weights(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.score, self.head = nn.Linear(21, math.prod(shape[1:])), nn.Linear(math.prod(shape[1:]), 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.score(x.flatten(1)).reshape(-1, *shape[1:]).softmax(0).flatten(1))

    assert found(Weights()).dim == dim
