import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import Tensor, nn

from descend.doctor.measure.target_leakage import is_next, target_leakage
from descend.doctor.record import facts

torch.manual_seed(0)
TEXT = torch.randint(11, (8, 13))
X, Y = TEXT[:, :-1], TEXT[:, 1:]
MASK = nn.Transformer.generate_square_subsequent_mask(12)


class Reader(nn.Module):
    def __init__(self, layer: nn.Module, mask: Tensor | None = None) -> None:
        super().__init__()
        self.embedding, self.layer, self.mask, self.head = nn.Embedding(11, 8), layer, mask, nn.LazyLinear(11)
        self(X)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embedding(x)
        if isinstance(self.layer, nn.LSTM):
            return self.head(self.layer(h)[0])
        return self.head(self.layer(h) if self.mask is None else self.layer(h, self.mask))


def transformer() -> nn.Module:
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)


def seen(net: nn.Module, targets: Tensor = Y, flat: bool = True) -> facts.TargetLeak | None:
    def loss() -> Tensor:
        scores = net(X)
        if flat:
            return F.cross_entropy(scores.reshape(-1, 11), targets.reshape(-1))
        return F.cross_entropy(scores.transpose(1, 2), targets)

    return kept(target_leakage(Training(net, [loss]).snapshot())).fact(facts.TargetLeak)


SEEING = {
    "no mask": lambda: Reader(transformer()),
    "both ways": lambda: Reader(nn.LSTM(8, 4, batch_first=True, bidirectional=True)),
}
BLIND = {
    "a mask": lambda: Reader(transformer(), MASK),
    "one way": lambda: Reader(nn.LSTM(8, 4, batch_first=True)),
}


@pytest.mark.parametrize("name", SEEING)
@pytest.mark.parametrize("flat", [True, False])
def test_a_network_that_sees_its_targets(name: str, flat: bool) -> None:
    assert seen(SEEING[name](), flat=flat) == facts.TargetLeak(sees=True, length=12)


@pytest.mark.parametrize("name", BLIND)
@pytest.mark.parametrize("flat", [True, False])
def test_a_network_that_does_not_see_its_targets(name: str, flat: bool) -> None:
    assert seen(BLIND[name](), flat=flat) == facts.TargetLeak(sees=False, length=12)


def test_targets_of_another_kind() -> None:
    assert seen(Reader(transformer()), targets=X) is None  # masked tokens, an autoencoder
    assert seen(Reader(transformer()), targets=torch.randint(11, Y.shape)) is None
    assert not is_next(torch.zeros(4, 5, dtype=torch.long), torch.zeros(4, 5, dtype=torch.long))  # all alike
    counts = (torch.rand(30, 400) < 0.003).float()
    assert not is_next(counts * (torch.rand(30, 400) < 0.9), counts)  # the damaged elements must be restored
    assert is_next(counts[:, :-1], counts[:, 1:])
