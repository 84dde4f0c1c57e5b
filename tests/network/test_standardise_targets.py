import copy
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from descend.doctor.tape import Origin, Tape
from descend.doctor.tape.vocabulary import INTERESTING
from descend.network import standardise_inputs, standardise_targets

SCALE = torch.tensor([1.0, 10.0, 1000.0])
X = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randn(200, 3, generator=torch.Generator().manual_seed(1)) * SCALE + 5 * SCALE
PAIRS = list(zip(X.split(13), Y.split(13)))


def network(outputs: int = 3) -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, outputs))


@pytest.mark.parametrize(
    "data",
    [
        Y,
        Y.numpy(),
        PAIRS,
        [[x, y, x] for x, y in PAIRS],
        list(Y.split(7)),
        DataLoader(TensorDataset(X, Y), batch_size=9, shuffle=True),
        TensorDataset(X, Y),
        lambda: ((x, y) for x, y in PAIRS),
    ],
)
def test_the_statistics_are_those_of_all_targets(data: object) -> None:
    model = standardise_targets(network(), data)
    torch.testing.assert_close(model.target_mean, Y.mean(0))
    torch.testing.assert_close(model.target_std, Y.std(0, unbiased=False))


def test_the_predictions_are_in_the_unit_of_the_targets() -> None:
    f, model = network(), standardise_targets(network(), Y)
    torch.testing.assert_close(model(X), Y.mean(0) + Y.std(0, unbiased=False) * f(X))


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
def test_the_gradient_is_that_of_standardised_targets(unit: float) -> None:
    f, model = network(), standardise_targets(network(), Y * unit)
    t = (Y - Y.mean(0)) / Y.std(0, unbiased=False)
    nn.functional.mse_loss(f(X), t).backward()
    loss = nn.functional.mse_loss(model(X), Y * unit)
    loss.backward()
    for ours, theirs in zip(model.parameters(), f.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=2e-4, atol=1e-6)
    torch.testing.assert_close(loss, (((f(X) - t) * Y.std(0, unbiased=False) * unit) ** 2).mean())


def test_scalar_targets_have_one_mean() -> None:
    for targets in (Y[:, 2], Y[:, 2:]):
        model = standardise_targets(network(1), targets)
        assert model.target_mean.numel() == 1
        assert model(X).shape == (200, 1) and 4000 < model(X).mean() < 6000


def test_images_have_a_mean_for_each_channel() -> None:
    targets = torch.randn(30, 2, 4, 4) * torch.tensor([1.0, 50.0])[:, None, None]
    model = standardise_targets(nn.Conv2d(3, 2, 3, padding=1), targets)
    assert model.target_std.shape == (2, 1, 1)
    assert model(torch.randn(5, 3, 4, 4)).shape == (5, 2, 4, 4)


def test_integer_targets_are_standardised_and_a_constant_keeps_its_unit() -> None:
    model = standardise_targets(network(1), [(X, torch.arange(200))])
    assert model.target_mean.item() == pytest.approx(99.5)
    model = standardise_targets(network(1), torch.full((200, 1), 7.0))
    assert (model.target_mean.item(), model.target_std.item()) == (7.0, 1.0)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([{"x": X, "y": Y}], TypeError, "a batch of type dict contains no tensor of targets"),
        ([(X,)], TypeError, "a batch of type tuple contains no tensor of targets"),
        ([(X, "labels")], TypeError, "a batch of type str contains no tensor of targets"),
        ([(X, Y > 0)], ValueError, "targets of type bool cannot be standardised"),
        (iter(PAIRS), TypeError, "read only once"),
        ([], ValueError, "no examples"),
    ],
)
def test_data_that_cannot_be_used_do_not_change_the_model(data: object, error: type[Exception], message: str) -> None:
    model = network()
    before = list(model.state_dict())
    with pytest.raises(error, match=message):
        standardise_targets(model, data)
    assert list(model.state_dict()) == before and not model._forward_hooks


def test_outputs_of_another_shape_are_refused() -> None:
    for outputs, shape in (
        (5, r"\(3,\), which does not fit outputs of shape \(200, 5\)"),
        (1, r"outputs of shape \(200, 1\)"),
    ):
        with pytest.raises(ValueError, match=shape):
            standardise_targets(network(outputs), Y)(X)


def test_a_model_that_does_not_return_a_tensor_is_refused() -> None:
    with pytest.raises(TypeError, match="a model that returns a tensor, not a tuple"):
        standardise_targets(nn.LSTM(4, 3), Y)(X)


def test_a_second_call_changes_nothing() -> None:
    model = standardise_targets(network(), Y)
    before = model(X)
    assert standardise_targets(model, Y * 100) is model
    assert torch.equal(model(X), before) and len(model._forward_hooks) == 1


def test_copies_pickles_and_state_dicts_keep_the_statistics(tmp_path) -> None:
    model = standardise_targets(standardise_inputs(network(), X), Y)
    keys = list(network().state_dict())
    assert set(model.state_dict()) == {*keys, "input_mean", "input_std", "target_mean", "target_std"}
    expected = model(X)
    assert torch.equal(copy.deepcopy(model)(X), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(X), expected)
    fresh = standardise_targets(standardise_inputs(network(), X + 1), Y + 1)
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(X), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_large_targets_keep_their_precision(dtype: torch.dtype) -> None:
    model = standardise_targets(network().to(dtype), Y)
    assert model(X.to(dtype)).dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


def test_no_random_number_is_drawn() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    model = network()
    torch.manual_seed(0)
    standardise_targets(model, lambda: ((X[i], Y[i]) for i in torch.randperm(200).split(32)))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
def test_a_compiled_model_and_the_model_in_it_agree() -> None:
    inner = network()
    compiled = torch.compile(inner, backend="eager", fullgraph=True)
    standardise_targets(compiled, Y)
    torch.testing.assert_close(compiled(X), inner(X))


@pytest.mark.slow
def test_the_tape_replays_loss_and_gradient() -> None:
    model = standardise_targets(network(), Y)
    parameters = tuple(model.parameters())
    tape = Tape(INTERESTING, lambda frame: Origin(None, None))
    tape.start()
    try:
        loss: Tensor = nn.functional.mse_loss(model(X), Y)
        recording = tape.finalise(loss)
    finally:
        tape.pause()
    gradients = torch.autograd.grad(loss, parameters)
    replay = recording.loss(parameters)
    assert replay.value(parameters) == pytest.approx(loss.item(), rel=1e-6)
    for ours, theirs in zip(replay.gradient(parameters), gradients, strict=True):
        torch.testing.assert_close(ours, theirs)
    moved = tuple((p + 0.1).detach().requires_grad_() for p in parameters)
    with torch.no_grad():
        for parameter, value in zip(parameters, moved, strict=True):
            parameter.copy_(value)
    again = nn.functional.mse_loss(model(X), Y)
    assert replay.value(moved) == pytest.approx(again.item(), rel=1e-6)
    for ours, theirs in zip(replay.gradient(moved), torch.autograd.grad(again, parameters), strict=True):
        torch.testing.assert_close(ours, theirs)
