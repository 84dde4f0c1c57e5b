"""Hidden layers found in recorded calls: permuting their units keeps the loss, in networks of all kinds."""

from collections.abc import Callable, Sequence

import pytest
import torch
import torch.nn.functional as F
from moments import record
from torch import Tensor, nn

from descend.doctor.measure.hidden import Structure, structure
from descend.doctor.tape import Recording, without_dropout
from descend.landscape import Loss
from descend.landscape.hidden import averaged, permuted, random_order, scaled

X = torch.randn(10, 6, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
WORDS = torch.randint(11, (4, 7), generator=torch.Generator().manual_seed(2))
LABELS = torch.arange(10) % 3


def recorded(step: Callable[[], Tensor]) -> tuple[Recording, Structure]:
    recording = without_dropout(record(step))
    return recording, structure(recording)


def cost(recording: Recording) -> Loss:
    return Loss((lambda theta: recording.run(dict(zip(recording.parameters, theta)), double=True),))


def assert_any_order(step: Callable[[], Tensor]) -> Structure:
    """Assert that the units of each hidden layer can be permuted and, if reported, rescaled; return the structure."""
    recording, found = recorded(step)
    loss, at = cost(recording), [p.detach().double() for p in found.parameters]
    for layer in found.layers:
        hidden = layer.hidden
        changed = permuted(at, hidden, random_order(hidden, 3))
        assert loss.value(changed) == pytest.approx(loss.value(at), rel=1e-10)
        assert any(not torch.equal(a, b) for a, b in zip(changed, at))
        assert loss.value(averaged(at, hidden)) != pytest.approx(loss.value(at), rel=1e-4)
        if hidden.is_homogeneous:
            assert loss.value(scaled(at, hidden, 5.0)) == pytest.approx(loss.value(at), rel=1e-10)
            assert not torch.equal(scaled(at, hidden, 5.0)[hidden.outgoing[0].index], at[hidden.outgoing[0].index])
    return found


def counts(found: Structure) -> list[tuple[int, bool]]:
    return [(layer.hidden.count, layer.hidden.is_homogeneous) for layer in found.layers]


def classifier(net: nn.Module, x: Tensor = X, labels: Tensor = LABELS) -> Callable[[], Tensor]:
    torch.manual_seed(0)
    for p in net.parameters():
        nn.init.normal_(p, std=0.5)
    return lambda: F.cross_entropy(net(x), labels)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 3)], [(9, True)]),
        ([nn.Linear(6, 9, bias=False), nn.LeakyReLU(), nn.Dropout(0.5), nn.Linear(9, 3)], [(9, True)]),
        ([nn.Linear(6, 9), nn.PReLU(), nn.Linear(9, 3)], [(9, True)]),
        ([nn.Linear(6, 9), nn.PReLU(9), nn.Linear(9, 3)], [(9, True)]),
        ([nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4), nn.GELU(), nn.Linear(4, 3)], [(9, False), (4, False)]),
        ([nn.Linear(6, 9), nn.BatchNorm1d(9), nn.ReLU(), nn.Linear(9, 3)], [(9, True)]),
        ([nn.Linear(6, 9), nn.BatchNorm1d(9, affine=False), nn.ReLU(), nn.Linear(9, 3)], [(9, False)]),
        ([nn.Linear(6, 9), nn.LayerNorm(9), nn.ReLU(), nn.Linear(9, 3)], [(9, True)]),
        ([nn.Linear(6, 9), nn.Softmax(1), nn.Linear(9, 3)], [(9, False)]),
        ([nn.Linear(6, 1), nn.ReLU(), nn.Linear(1, 3)], []),
        ([nn.Linear(6, 3)], []),
    ],
)  # fmt: skip
def test_chains(layers: Sequence[nn.Module], expected: list[tuple[int, bool]]) -> None:
    found = assert_any_order(classifier(nn.Sequential(*layers)))
    assert counts(found) == expected and not found.left_out
    assert [found.parameters[k].shape[0] for k in found.output] == [3, 3]


def test_convolutions_up_to_a_flat_layer() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(5, 4, 3), nn.ReLU(), nn.Dropout2d(0.5), nn.Flatten(), nn.Linear(16, 7), nn.Sigmoid(), nn.Linear(7, 3),
    )  # fmt: skip
    found = assert_any_order(classifier(net, IMAGES, LABELS[:6]))
    assert counts(found) == [(5, True), (4, True), (7, False)]
    assert [layer.activations for layer in found.layers] == [{"relu"}, {"relu"}, {"sigmoid"}]
    assert found.layers[1].hidden.outgoing[0].block == 4


class Residual(nn.Module):
    """Two blocks that add their outputs to one residual stream."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(6, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 1))
            for _ in range(2)
        )
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        for block in self.blocks:
            h = torch.relu(h + block(h))
        return self.head(h.mean((2, 3)))


def test_a_residual_stream_is_one_layer() -> None:
    found = assert_any_order(classifier(Residual(), IMAGES, LABELS[:6]))
    assert sorted(counts(found)) == [(4, True), (4, True), (6, False)] and not found.left_out
    stream = next(layer for layer in found.layers if layer.hidden.count == 6)
    assert len(stream.hidden.axes) == 2 + 2 * 3 + 1  # stem; what each block reads and writes; head


class Language(nn.Module):
    """Pre-normalised attention and feed-forward blocks; the output layer shares the embedding's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(11, 8), nn.Parameter(torch.zeros(7, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.2, norm_first=True, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        return (self.body(self.words(x) + self.places) @ self.words.weight.T).flatten(0, 1)


def test_a_language_model_with_tied_embeddings() -> None:
    found = assert_any_order(classifier(Language(), WORDS, WORDS.flatten()))
    assert sorted(counts(found)) == [(8, False), (16, True), (16, True)]


class Recurrence(nn.Module):
    """A handwritten recurrence: the units at one time read those at the previous time."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer, self.head = nn.Linear(5, 5), nn.Linear(1, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.outer(x[:, :1]))
        for t in range(1, x.shape[1]):
            h = torch.tanh(self.inner(h) + self.outer(x[:, t : t + 1]))
        return self.head(h)


def test_a_handwritten_recurrence_is_one_layer_that_reads_itself() -> None:
    found = assert_any_order(classifier(Recurrence()))
    assert counts(found) == [(5, False)] and len(found.layers[0].hidden.axes) == 6


def test_layers_without_modules() -> None:
    torch.manual_seed(0)
    v, b, w, t = (torch.randn(*size, requires_grad=True) for size in ((6, 5), (5,), (5, 3), (3,)))
    found = assert_any_order(lambda: F.cross_entropy((X @ v + b).clamp(min=0) @ w + t, LABELS))
    assert counts(found) == [(5, True)] and found.output == (2, 3)


def test_a_decoder_of_images() -> None:
    layers = nn.Conv2d(3, 4, 3, stride=2), nn.ReLU(), nn.ConvTranspose2d(4, 5, 2), nn.ReLU(), nn.Conv2d(5, 1, 1)
    net = nn.Sequential(*layers)
    for p in net.parameters():
        nn.init.normal_(p, std=0.5)
    found = assert_any_order(lambda: F.mse_loss(net(IMAGES), IMAGES[:, :1, :4, :4]))
    assert counts(found) == [(4, True), (5, True)]


class Cells(nn.Module):
    """A network with one call after the first layer that treats the units differently."""

    def __init__(self, way: Callable[[Tensor], Tensor], size: int = 8) -> None:
        super().__init__()
        self.first, self.way, self.head = nn.Linear(6, 8), way, nn.Linear(size, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.way(self.first(x)))


@pytest.mark.parametrize(
    ("way", "size", "reason"),
    [
        (lambda h: h.view(10, 2, 4).softmax(1).flatten(1), 8, "split by view"),
        (F.glu, 4, "the units are passed to glu"),
        (lambda h: h.chunk(2, 1)[0], 4, "split by chunk"),
        (lambda h: h[:, ::2], 4, "split by getitem"),
        (lambda h: torch.cat([h, X], 1), 14, "concatenated with others"),
        (lambda h: h + torch.arange(8.0), 8, "combined with a tensor whose order is fixed"),
        (lambda h: h.cumsum(1), 8, "the units are passed to cumsum"),
        (lambda h: F.group_norm(h, 2), 8, "group_norm normalises the units by running statistics or in groups"),
        (
            lambda h: F.batch_norm(h, torch.zeros(8), torch.ones(8)),
            8,
            "batch_norm normalises the units by running statistics",
        ),
    ],
)
def test_calls_that_split_units_exclude_the_layer(way: Callable[[Tensor], Tensor], size: int, reason: str) -> None:
    found = assert_any_order(classifier(Cells(way, size)))
    assert not found.layers
    assert [(number, reason in why) for number, why in found.left_out] == [(0, True)]


@pytest.mark.parametrize(
    ("net", "x", "reason"),
    [
        (nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3, groups=3), nn.Flatten(), nn.Linear(96, 3)),
         IMAGES, "convolved in groups"),
        (nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 5)), nn.ReLU(), nn.Linear(5, 3)),
         X, "computed from a parameter"),
    ],
)  # fmt: skip
def test_weights_that_treat_units_differently_exclude_the_layer(net: nn.Module, x: Tensor, reason: str) -> None:
    found = assert_any_order(classifier(net, x, LABELS[: len(x)]))
    assert found.left_out and all(reason in why for _, why in found.left_out)


def test_recurrent_layers_are_excluded() -> None:
    lstm, head = nn.LSTM(6, 5, batch_first=True), nn.Linear(5, 3)
    found = assert_any_order(lambda: F.cross_entropy(head(lstm(X[:, None])[0][:, -1]), LABELS))
    assert not found.layers and found.left_out == ((0, "the units are recurrent, so all gates need the same order"),)
