"""Evaluation replays compared with `model.eval()`: the evaluation metric of every trial is computed on these."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from networks import NETWORKS
from taping import tape_step
from torch import Tensor, nn

from descend.doctor.tape import without_dropout

SAME = dict(rel=1e-6)
CLOSE = dict(rel=1e-5)  # fused attention in evaluation mode adds in a different order


@pytest.mark.parametrize(
    "name",
    [
        "mlp_with_dropout",
        "cnn_with_batch_norm",
        "transformer_encoder",
        "lstm",
        "packed_gru",
        "grouped_instance_and_layer_norm",
        "bfloat16_autocast",
    ],
)
@pytest.mark.slow
def test_an_evaluation_replay_equals_the_model_in_eval_mode(name: str) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]()
    taped = tape_step(network.step, network.parameters)
    with torch.no_grad():
        replayed = taped.recording.run({}, evaluation=True).item()
        network.module.eval()
        assert replayed == pytest.approx(network.step().item(), **CLOSE)
    trained = taped.loss.item()
    if name not in ("packed_gru", "bfloat16_autocast"):
        assert replayed != pytest.approx(trained, rel=1e-4)


@pytest.mark.parametrize("steps", [0, 5])
def test_evaluation_uses_the_present_running_statistics(steps: int) -> None:
    """A recording of the first step is evaluated later, with the running statistics that the model has then."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
    x, y = torch.randn(16, 4) * 3 + 5, torch.randint(2, (16,))
    taped = tape_step(lambda: F.cross_entropy(net(x), y), tuple(net.parameters()))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    before = copy.deepcopy(dict(net.named_buffers()))
    with torch.no_grad():
        replayed = taped.recording.run({}, evaluation=True).item()
        assert replayed == pytest.approx(F.cross_entropy(net.eval()(x), y).item(), **SAME)
    assert all(torch.equal(b, before[n]) for n, b in net.named_buffers())


def test_batch_norm_without_running_statistics_uses_those_of_the_batch() -> None:
    net = nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False), nn.Linear(4, 2), nn.InstanceNorm1d(2))
    x = torch.randn(8, 4)

    def step() -> Tensor:
        return net[1](net[0](x)).square().sum() + net[2](net[0](x).view(2, 2, 8)).pow(3).sum()

    taped = tape_step(step, tuple(net.parameters()))
    with torch.no_grad():
        replayed = taped.recording.run({}, evaluation=True).item()
        net.eval()
        assert replayed == pytest.approx(step().item(), **SAME)


def attention(dropout: float) -> Callable[[Tensor], Tensor]:
    def mix(x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x, x, x, None, dropout) + F.scaled_dot_product_attention(
            x, x, x, dropout_p=dropout
        )

    return mix


def test_dropout_in_scaled_dot_product_attention_is_disabled() -> None:
    w, x = torch.randn(4, 4, requires_grad=True), torch.randn(2, 5, 4)
    taped = tape_step(lambda: attention(0.4)(x @ w).square().mean(), (w,))
    replayed = taped.recording.run({}, evaluation=True).item()
    assert replayed == pytest.approx(attention(0.0)(x @ w).square().mean().item(), **CLOSE)
    assert replayed != pytest.approx(taped.loss.item(), rel=1e-3)


@pytest.mark.parametrize(
    "drop",
    [
        lambda h: F.dropout(h, 0.5),
        lambda h: F.dropout(h, p=0.5, training=True),
        lambda h: F.dropout(h, 0.5, True, True),
        lambda h: F.dropout1d(h[None], 0.5)[0],
        lambda h: F.dropout3d(h[None, None, None], 0.5)[0, 0, 0],
        lambda h: F.feature_alpha_dropout(h[None], 0.5, True)[0],
        lambda h: torch.dropout(h, 0.5, True),
        lambda h: torch.dropout(h, p=0.5, train=True),
        lambda h: torch.alpha_dropout(h, 0.5, True),
        lambda h: torch.feature_dropout(h[None], 0.5, True)[0],
    ],
)
def test_every_kind_of_dropout_is_disabled(drop: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(1)
    w, x = torch.randn(4, 4, requires_grad=True), torch.randn(6, 4)
    taped = tape_step(lambda: drop(x @ w).square().sum(), (w,))
    off = (x @ w).square().sum().item()
    assert taped.recording.run({}, evaluation=True).item() == pytest.approx(off, **SAME)
    assert taped.loss.item() != pytest.approx(off, rel=1e-3)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("packed", [False, True])
def test_dropout_between_recurrent_layers_is_disabled(cell: type[nn.Module], packed: bool) -> None:
    torch.manual_seed(0)
    net, x = (
        cell(3, 4, 2, dropout=0.5, nonlinearity="relu") if cell is nn.RNN else cell(3, 4, 2, dropout=0.5),
        None,
    )
    x = torch.randn(5, 2, 3)
    fed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor([5, 3])) if packed else x

    def step() -> Tensor:
        out, _ = net(fed)
        return (out.data if packed else out).square().sum()

    taped = tape_step(step, tuple(net.parameters()))
    with torch.no_grad():
        replayed = taped.recording.run({}, evaluation=True).item()
        net.eval()
        assert replayed == pytest.approx(step().item(), **SAME)
    assert replayed != pytest.approx(taped.loss.item(), rel=1e-4)


def test_disabled_dropout_does_not_change_the_normalisation() -> None:
    net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.RReLU(), nn.Linear(16, 3))
    x, y = torch.randn(12, 4), torch.randint(3, (12,))
    taped = tape_step(lambda: F.cross_entropy(net(x), y), tuple(net.parameters()))
    still = without_dropout(taped.recording)
    net[2].eval(), net[3].eval()
    assert float(still.run({})) == pytest.approx(F.cross_entropy(net(x), y).item())
    assert float(taped.recording.run({})) == float(taped.loss)  # the recording itself is unchanged
