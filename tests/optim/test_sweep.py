"""A sweep's copies train as single runs with the same values do."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from descend import optim

pytestmark = pytest.mark.slow
RATES = [0.001, 0.01, 0.1]


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))


def batches(amount: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    return [
        (torch.randn(16, 6, generator=generator), torch.randint(3, (16,), generator=generator)) for _ in range(amount)
    ]


def loss(model, batch) -> torch.Tensor:
    x, target = batch
    return cross_entropy(model(x), target)


@pytest.mark.parametrize(
    ("make", "options", "swept"),
    [
        (optim.SGD, {"momentum": 0.9}, {"lr": RATES}),
        (optim.Adam, {"weight_decay": 0.1}, {"lr": torch.tensor(RATES)}),
        (optim.NAdam, {}, {"lr": RATES, "momentum_decay": [0.1, 0.2, 0.3]}),
        (optim.Rprop, {}, {"lr": RATES}),
        (optim.LAMB, {"weight_decay": 0.1}, {"lr": RATES}),
        (optim.AddSign, {"f": 0.4}, {"lr": RATES}),
    ],
)
def test_each_copy_equals_a_single_run(make, options, swept):
    sweep = optim.Sweep(network(), loss, make, **options, **swept)
    seen = torch.stack([sweep.step(batch) for batch in batches(12)])
    assert sweep.engine in ("vmap", "one by one")
    for k in range(3):
        model = network()
        optimizer = make(model.parameters(), **options, **{name: float(values[k]) for name, values in swept.items()})
        alone = []
        for batch in batches(12):
            optimizer.zero_grad()
            value = loss(model, batch)
            value.backward()
            optimizer.step()
            alone.append(value.item())
        assert seen[:, k].tolist() == pytest.approx(alone, rel=1e-4)
        copied = network()
        copied.load_state_dict(sweep.state_dict(k))
        for name, value in model.state_dict().items():
            assert torch.allclose(copied.state_dict()[name].double(), value.double(), rtol=1e-3, atol=1e-5), name


def test_a_diverging_copy_does_not_affect_the_other_copies():
    sweep = optim.Sweep(network(), loss, optim.SGD, lr=[0.01, 1e38])
    for batch in batches(8):
        losses = sweep.step(batch)
    assert torch.isfinite(losses[0]) and not torch.isfinite(losses[1])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"lr": 0.1}, r"all lists must have equal length, not \[\]"),
        ({"lr": [0.1, 0.2], "momentum": [0.1]}, r"all lists must have equal length, not \[1, 2\]"),
        ({"lr": 0.1, "momentum": [0.0, 0.9]}, "the swept values select different update rules of SGD"),
        ({"lr": [0.1, -1.0]}, "SGD: lr must be a finite number of at least 0, not -1.0"),
    ],
)
def test_options_that_cannot_be_swept_are_rejected(options, text):
    with pytest.raises(ValueError, match=text):
        optim.Sweep(network(), loss, optim.SGD, **options)
