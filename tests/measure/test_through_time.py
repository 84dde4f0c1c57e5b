import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, readings
from torch import Tensor, nn

from descend.doctor.measure.through_time import SHORTEST, through_time
from descend.doctor.record import facts


class Reader(nn.Module):
    """Reads a sequence and returns an output at its end, or at every step."""

    def __init__(self, layer: nn.Module, *, batch_first: bool = False, at_end: bool = True) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(12, 3)
        self.batch_first, self.at_end = batch_first, at_end

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.layer(x)
        if not self.at_end:
            return self.head(out).mean(1 if self.batch_first else 0)
        return self.head(out[:, -1] if self.batch_first else out[-1])


def measured(net: Reader, length: int = 40) -> tuple[dict[str, float], dict[str, int]]:
    """Return the shares and the lengths of the sequences, by layer."""
    torch.manual_seed(0)
    x = torch.randn(*((6, length) if net.batch_first else (length, 6)), 4)
    y = torch.randint(3, (6,))
    found = list(through_time(Training(net, [lambda: F.cross_entropy(net(x), y)]).snapshot()))
    shares = {place: value for (_, place), value in readings(found).items()}
    return shares, {place: layer.length for place, layer in kept(found).every(facts.Recurrent).items()}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_newly_initialised_recurrent_layer_forgets(kind: type[nn.RNNBase], batch_first: bool) -> None:
    shares, lengths = measured(Reader(kind(4, 12, batch_first=batch_first), batch_first=batch_first))
    assert 0 <= shares["layer"] < 1e-4 and lengths == {"layer": 40}


def test_the_gradient_over_time_is_correct() -> None:
    net = Reader(nn.RNN(4, 12))
    torch.manual_seed(0)
    x = torch.randn(40, 6, 4).requires_grad_()
    loss = F.cross_entropy(net(x), torch.randint(3, (6,)))
    norms = torch.autograd.grad(loss, x)[0].flatten(1).norm(dim=1)
    assert measured(net)[0]["layer"] == pytest.approx(float(norms[0] / norms.max()), rel=1e-3)


def test_an_output_at_every_step_sends_a_gradient_to_every_step() -> None:
    assert measured(Reader(nn.GRU(4, 12), at_end=False))[0]["layer"] > 0.1


def test_short_sequences_and_other_networks_are_not_measured() -> None:
    assert measured(Reader(nn.GRU(4, 12)), SHORTEST - 1) == ({}, {})
    net = nn.Linear(4, 3)
    x, y = torch.randn(8, 4), torch.randint(3, (8,))
    assert list(through_time(Training(net, [lambda: F.cross_entropy(net(x), y)]).snapshot())) == []
