"""Networks and steps of many kinds: each function returns the parameters, the step and the module."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True)
class Network:
    parameters: tuple[Tensor, ...]
    step: Callable[[], Tensor]
    module: nn.Module | None = None
    tolerance: float = 0.0  # 0: bit for bit


def of(module: nn.Module, step: Callable[[], Tensor], tolerance: float = 0.0) -> Network:
    return Network(tuple(p for p in module.parameters() if p.requires_grad), step, module, tolerance)


def mlp_with_dropout() -> Network:
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(12, 6), torch.randint(3, (12,))
    return of(net, lambda: F.cross_entropy(net(x), y))


def cnn_with_batch_norm() -> Network:
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout2d(0.2),
        nn.Conv2d(6, 5, 3), nn.BatchNorm2d(5, momentum=None), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4),
    )  # fmt: skip
    x, y = torch.randn(6, 3, 12, 12), torch.randint(4, (6,))
    net.eval()(x)
    return of(net.train(), lambda: F.cross_entropy(net(x), y))


def transformer_encoder() -> Network:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    net, head = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(8, 3)
    x, y = torch.randn(4, 5, 8), torch.randint(3, (4,))
    return of(nn.ModuleList([net, head]), lambda: F.cross_entropy(head(net(x).mean(1)), y), 1e-5)


def bare_attention() -> Network:
    qkv, out = nn.Linear(8, 24), nn.Linear(8, 8)
    x, y = torch.randn(2, 6, 8), torch.randn(2, 6, 8)

    def step() -> Tensor:
        q, k, v = qkv(x).view(2, 6, 3, 2, 4).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return F.mse_loss(out(mixed.transpose(1, 2).reshape(2, 6, 8)), y)

    return of(nn.ModuleList([qkv, out]), step, 1e-5)


def lstm() -> Network:
    net, head = nn.LSTM(3, 5, 2, dropout=0.2, batch_first=True, bidirectional=True), nn.Linear(10, 2)
    x, y = torch.randn(4, 6, 3), torch.randint(2, (4,))

    def step() -> Tensor:
        out, (h, c) = net(x)
        return F.cross_entropy(head(out[:, -1]), y) + 0.01 * c.square().mean()

    return of(nn.ModuleList([net, head]), step)


def packed_gru() -> Network:
    net, head = nn.GRU(3, 5, batch_first=True), nn.Linear(5, 1)
    x, lengths, y = torch.randn(4, 6, 3), torch.tensor([3, 6, 1, 4]), torch.randn(4)

    def step() -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, _ = net(packed)
        padded, sizes = nn.utils.rnn.pad_packed_sequence(out, batch_first=True)
        last = padded[torch.arange(4), sizes - 1]
        return F.mse_loss(head(last).squeeze(1), y)

    return of(nn.ModuleList([net, head]), step)


def bfloat16_autocast() -> Network:
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.LayerNorm(16), nn.Linear(16, 3))
    x, y = torch.randn(12, 6), torch.randint(3, (12,))

    def step() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            twice = net(x) + net(2 * x)  # the cast weights come from autocast's cache the second time
            with torch.autocast("cpu", enabled=False):
                return F.cross_entropy(twice.float(), y)

    return of(net, step)


def shared_weights() -> Network:
    table, inner = nn.Embedding(11, 6), nn.Linear(6, 6)
    ids = torch.randint(11, (5, 7))

    def step() -> Tensor:
        hidden = torch.tanh(inner(inner(table(ids[:, :-1]))))
        return F.cross_entropy((hidden @ table.weight.T).flatten(0, 1), ids[:, 1:].flatten())

    return of(nn.ModuleList([table, inner]), step)


def residual_in_place() -> Network:
    first, second = nn.Linear(6, 6), nn.Linear(6, 6)
    x, y = torch.randn(8, 6), torch.randn(8, 6)

    def step() -> Tensor:
        h = first(x)
        h += x
        F.relu_(h)
        out = second(h)
        out += h
        out[out > 1] = 0
        out[:, 0].mul_(2)
        return F.mse_loss(out, y)

    return of(nn.ModuleList([first, second]), step)


def embedding_bag() -> Network:
    bag, table = nn.EmbeddingBag(9, 4, mode="mean"), nn.Embedding(9, 4, padding_idx=0, max_norm=None)
    ids, offsets, y = torch.randint(9, (10,)), torch.tensor([0, 3, 6]), torch.randn(3, 4)
    return of(nn.ModuleList([bag, table]), lambda: F.mse_loss(bag(ids, offsets) * table(ids[:3]), y))


class Pair(NamedTuple):
    left: Tensor
    right: Tensor


@dataclass
class Batch:
    images: dict[str, Tensor]
    pair: Pair
    labels: list[Tensor]


def containers_of_inputs() -> Network:
    images, words = nn.Linear(4, 3), nn.Linear(5, 3)
    batch = Batch({"a": torch.randn(7, 4)}, Pair(torch.randn(7, 5), torch.randn(7, 3)), [torch.randint(3, (7,))])

    def step() -> Tensor:
        logits = images(batch.images["a"]) + words(batch.pair.left) * batch.pair.right
        return F.cross_entropy(input=logits, target=batch.labels[0], label_smoothing=0.1)

    return of(nn.ModuleList([images, words]), step)


def functional_without_modules() -> Network:
    w, b = torch.randn(5, 3, requires_grad=True), torch.zeros(3, requires_grad=True)
    x, y = torch.randn(9, 5), torch.randint(3, (9,))
    return Network((w, b), lambda: -(x @ w + b).log_softmax(1)[torch.arange(9), y].mean() + 0.1 * w.pow(2).sum())


def activation_checkpointing() -> Network:
    block, head = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Dropout(0.2)), nn.Linear(6, 3)
    x, y = torch.randn(8, 6), torch.randint(3, (8,))
    return of(
        nn.ModuleList([block, head]),
        lambda: F.cross_entropy(head(checkpoint(block, x, use_reentrant=False)), y),
    )


class Normalised(nn.Module):
    """A layer with a running scale that the forward pass itself updates."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.register_buffer("scale", torch.ones(4))
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.calls += 1
            self.scale.mul_(0.9).add_(x.abs().mean(0), alpha=0.1)
        return self.linear(x / self.scale)


def buffer_updated_in_forward() -> Network:
    net, x, y = Normalised(), torch.randn(6, 4), torch.randn(6, 4)
    return of(net, lambda: F.smooth_l1_loss(net(x), y))


def several_calls_of_the_loss() -> Network:
    net, x, y = nn.Linear(4, 2), torch.randn(3, 5, 4), torch.randn(3, 5, 2)

    def step() -> Tensor:
        total = torch.zeros(())
        for part, target in zip(x, y):
            total = total + F.mse_loss(net(part), target)
        return total / 3

    return of(net, step)


def functions_that_give_tuples() -> Network:
    net, x = nn.Linear(6, 6), torch.randn(4, 6)

    def step() -> Tensor:
        h = net(x)
        largest, where = h.max(dim=1)
        top, _ = h.topk(2)
        ordered = torch.sort(h, descending=True)
        halves = h.chunk(2, dim=1)
        q, r = torch.linalg.qr(h[:, :4])
        rows = sum(row.square().sum() for row in h)
        picked = h.gather(1, where[:, None])
        parts = largest.sum() + top.mean() + ordered.values[:, 1].sum() + (halves[0] * halves[1]).mean()
        return parts + r.diagonal().square().sum() + rows + picked.sum() + torch.unique(where).numel()

    return of(net, step, 1e-5)


def spectral_and_weight_norm() -> Network:
    first = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 6))
    second = nn.utils.parametrizations.weight_norm(nn.Linear(6, 2))
    x, y = torch.randn(8, 6), torch.randn(8, 2)
    return of(nn.ModuleList([first, second]), lambda: F.l1_loss(second(torch.tanh(first(x))), y))


def random_noise_of_all_kinds() -> Network:
    net, x = nn.Linear(4, 8), torch.randn(5, 4)
    own = torch.Generator().manual_seed(3)

    def step() -> Tensor:
        mean, log_variance = net(x + 0.1 * torch.randn(5, 4)).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        z = z * torch.rand(5, 4, generator=own)
        z = F.gumbel_softmax(z, tau=0.7) + torch.distributions.Normal(mean, 1.0).rsample()
        return (z * torch.empty(5, 4).bernoulli_(0.5)).square().mean()

    return of(net, step)


def frozen_backbone() -> Network:
    backbone, head = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6)).requires_grad_(False), nn.Linear(6, 2)
    x, y = torch.randn(8, 5), torch.randint(2, (8,))

    def step() -> Tensor:
        with torch.no_grad():
            features = backbone(x)
        return F.cross_entropy(head(features), y)

    return of(nn.ModuleList([backbone, head]), step)


def grouped_instance_and_layer_norm() -> Network:
    net = nn.Sequential(
        nn.Conv1d(4, 8, 3), nn.GroupNorm(2, 8), nn.PReLU(), nn.InstanceNorm1d(8, affine=True, track_running_stats=True),
        nn.AlphaDropout(0.1), nn.RReLU(), nn.LayerNorm(8), nn.Flatten(), nn.Linear(64, 1),
    )  # fmt: skip
    x, y = torch.randn(5, 4, 10), torch.rand(5, 1).round()
    return of(net, lambda: F.binary_cross_entropy_with_logits(net(x), y, pos_weight=torch.tensor(2.0)))


def float64_complex_and_out() -> Network:
    w = torch.randn(6, 6, dtype=torch.float64, requires_grad=True)
    x, buffer = torch.randn(3, 6, dtype=torch.float64), torch.empty(3, 6, dtype=torch.float64)

    def step() -> Tensor:
        with torch.no_grad():
            torch.mul(x, 0.5, out=buffer)
        spectrum = torch.fft.rfft(buffer @ w)
        return spectrum.real.square().sum() + spectrum.abs().mean() + spectrum.imag[:, 1].mul(2j.imag).sum()

    return Network((w,), step)


def a_functional_call() -> Network:
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    given = {name: p.detach().clone().requires_grad_() for name, p in net.named_parameters()}
    x, y = torch.randn(6, 4), torch.randn(6, 4)
    return Network(tuple(given.values()), lambda: F.huber_loss(torch.func.functional_call(net, given, (x,)), y), net)


CATALOGUE = (
    mlp_with_dropout, cnn_with_batch_norm, transformer_encoder, bare_attention, lstm, packed_gru,
    bfloat16_autocast, shared_weights, residual_in_place, embedding_bag, containers_of_inputs,
    functional_without_modules, activation_checkpointing, buffer_updated_in_forward, several_calls_of_the_loss,
    functions_that_give_tuples, spectral_and_weight_norm, random_noise_of_all_kinds, frozen_backbone,
    grouped_instance_and_layer_norm, float64_complex_and_out, a_functional_call,
)  # fmt: skip
NETWORKS = {network.__name__: network for network in CATALOGUE}
