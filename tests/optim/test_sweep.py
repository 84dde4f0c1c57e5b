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


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_a_sweep_in_16_bits_takes_the_steps_of_single_runs(dtype):
    """In float16, an eps of 1e-8 is 0: elements without a gradient would become NaN."""
    model = nn.Linear(3, 2).to(dtype)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    mean = lambda model, batch: model(batch).square().mean()  # noqa: E731
    inputs = torch.tensor([[1.0, 0.0, -2.0]], dtype=dtype)
    sweep = optim.Sweep(model, mean, optim.Adam, lr=RATES)
    for _ in range(8):
        sweep.step(inputs)
    for k, lr in enumerate(RATES):
        model.load_state_dict(start)
        optimizer = optim.Adam(model.parameters(), lr=lr)
        for _ in range(8):
            optimizer.zero_grad()
            mean(model, inputs).backward()
            optimizer.step()
        found = sweep.state_dict(k)["weight"]
        assert found.dtype is dtype and torch.allclose(found.float(), model.weight.float(), rtol=0.05, atol=0.01)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (optim.SophiaG, "Sweep does not support SophiaG, which needs an update of its state 'hessian' between steps"),
        (optim.YellowFin, "Sweep does not support YellowFin, which computes its settings from the gradients of all"),
        (optim.Nesterov, r"Sweep does not support Nesterov, which needs the gradient at θ \+ momentum·v: use SGD"),
        (optim.Muon, "Sweep does not support Muon, which has one update rule for matrices and one for vectors"),
        (optim.NewtonCG, "Sweep needs an optimizer with an update rule, such as descend.optim.Adam, not <class"),
    ],
)
def test_an_optimizer_that_needs_more_than_its_update_rule_is_rejected(kind, text):
    with pytest.raises(TypeError, match=text):
        optim.Sweep(network(), loss, kind, lr=RATES)


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
