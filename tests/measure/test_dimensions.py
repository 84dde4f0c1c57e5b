from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Size, Tensor, nn

from descend.doctor.measure.dimensions import dimensions, exchanged_dims
from descend.doctor.record import Record, facts

torch.manual_seed(0)
X, Y = torch.randn(12, 7, 3), torch.randint(2, (12,))


class Net(nn.Module):
    """A network that applies a function to features of the shape (12, 7, 3) before its output layer."""

    def __init__(self, do: Any, *layers: nn.Module) -> None:
        super().__init__()
        self.first, self.layers, self.do, self.head = nn.Linear(3, 3), nn.ModuleList(layers), do, nn.LazyLinear(2)
        self(X)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.do(self, self.first(x)).flatten(1))


def seen(do: Any, *layers: nn.Module) -> Record:
    net = Net(do, *layers)
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)], origin=located)
    return kept(dimensions(training.snapshot()))


def scores(h: Tensor) -> Tensor:
    return h.mean(-1, keepdim=True)  # (12, 7, 1)


LONE = {
    "softmax of scores": (lambda net, h: h * scores(h).softmax(-1), (), "softmax", (1,)),
    "a function": (lambda net, h: h * F.softmax(scores(h), dim=2), (), "softmax", (1,)),
    "a layer of its own": (lambda net, h: h * net.layers[0](scores(h)), (nn.Softmax(-1),), "softmax", (1,)),
    "a layer norm": (lambda net, h: h * net.layers[0](scores(h)), (nn.LayerNorm(1),), "layer_norm", (1,)),
    "a group norm": (lambda net, h: net.layers[0](h.mean(1)), (nn.GroupNorm(3, 3),), "group_norm", (1,)),
}
SEVERAL = {
    "softmax over time": (lambda net, h: h * scores(h).softmax(1), ()),
    "over one entry first, over more later": (
        lambda net, h: sum(h[:, : i + 1].mean(-1).softmax(-1).sum() * h for i in range(3)),
        (),
    ),
    "of data": (lambda net, h: h * X[:, :1, :1].softmax(-1), ()),
    "a layer norm": (lambda net, h: net.layers[0](h), (nn.LayerNorm(3),)),
    "a group norm": (lambda net, h: net.layers[0](h.transpose(1, 2)), (nn.GroupNorm(3, 3),)),
}


@pytest.mark.parametrize("name", LONE)
def test_a_normalisation_over_a_single_entry(name: str) -> None:
    do, layers, function, dims = LONE[name]
    lone = seen(do, *layers).fact(facts.LoneEntry, "0")
    assert lone.function == function and lone.dims == dims and lone.is_softmax == (function == "softmax")


@pytest.mark.parametrize("name", SEVERAL)
def test_a_normalisation_over_several_entries_is_not_reported(name: str) -> None:
    assert not seen(SEVERAL[name][0], *SEVERAL[name][1]).facts


def test_a_reshape_in_place_of_a_transpose_is_reported() -> None:
    found = seen(lambda net, h: h.reshape(12, 3, 7)).fact(facts.Exchanged, "0")
    assert found == facts.Exchanged(shape=(12, 7, 3), result=(12, 3, 7), dims=(0, 2, 1))
    assert not seen(lambda net, h: h.transpose(1, 2).contiguous().view(12, 21)).facts
    assert not seen(lambda net, h: h.view(12, 7, 1, 3).view(12, 7, 3)).facts


@pytest.mark.parametrize(
    ("before", "after", "order"),
    [
        ((32, 50, 26), (32, 26, 50), (0, 2, 1)),
        ((4, 5, 6, 7), (4, 7, 5, 6), (0, 3, 1, 2)),
        ((5, 5, 6), (5, 6, 5), (0, 2, 1)),
        ((8, 1, 6), (8, 6, 1), ()),  # no value is moved
        ((8, 6), (8, 6), ()),
        ((8, 6), (6, 4, 2), ()),
    ],
)
def test_the_permutation_that_a_reshape_imitates(before: tuple, after: tuple, order: tuple) -> None:
    assert exchanged_dims(Size(before), Size(after)) == order
