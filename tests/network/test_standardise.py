import copy
import pickle
import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from descend.network import standardise_inputs

SCALE = torch.tensor([1.0, 10.0, 100.0])
X = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)) * SCALE + 5 * SCALE
Y = torch.arange(200)


class Seen(nn.Module):
    """Returns its inputs; it has one parameter, which determines the device and the precision."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return x


def test_the_statistics_are_those_of_one_pass_over_all_rows() -> None:
    model = standardise_inputs(Seen(), list(X.split(13)))
    assert torch.allclose(model.input_mean, X.double().mean(0).float(), rtol=1e-6)
    assert torch.allclose(model.input_std, X.double().std(0, unbiased=False).float(), rtol=1e-6)


def test_a_large_offset_does_not_cancel_the_spread() -> None:
    rows = X.double() + 1e9
    model = standardise_inputs(Seen().double(), list(rows.split(11)))
    assert torch.allclose(model.input_std, rows.std(0, unbiased=False), rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "statistic", "axes"),
    [
        ((50,), (), (0,)),
        ((50, 4), (4,), (0,)),
        ((50, 6, 4), (4,), (0, 1)),
        ((50, 3, 5, 6), (3, 1, 1), (0, 2, 3)),
        ((50, 3, 2, 5, 6), (3, 1, 1, 1), (0, 2, 3, 4)),
    ],
)
def test_the_shape_determines_the_feature_dimensions(
    shape: tuple[int, ...], statistic: tuple[int, ...], axes: tuple[int, ...]
) -> None:
    data = torch.rand(shape) * 7 + 3
    model = standardise_inputs(Seen(), data)
    assert model.input_mean.shape == statistic
    assert torch.allclose(model(data).mean(axes), torch.zeros(()), atol=1e-5)
    assert torch.allclose(model(data).std(axes, unbiased=False), torch.ones(()), atol=1e-5)


def test_the_inputs_of_a_one_dimensional_convolution_have_channels() -> None:
    data = torch.randn(20, 3, 50) * SCALE[:, None]
    model = standardise_inputs(nn.Sequential(nn.Conv1d(3, 2, 5)), data)
    assert model.input_std.shape == (3, 1)


def test_images_flattened_by_the_model_are_standardised_by_channel() -> None:
    images = torch.randn(30, 3, 4, 4) * SCALE[:, None, None] + 40
    model = standardise_inputs(Seen(), DataLoader(TensorDataset(images, torch.zeros(30)), batch_size=10))
    flat = model(images.view(30, -1))
    assert torch.equal(flat.view(30, 3, 4, 4), model(images))
    assert torch.allclose(flat.view(30, 3, 16).std((0, 2), unbiased=False), torch.ones(3), atol=1e-5)


def test_examples_of_another_size_are_refused() -> None:
    model = standardise_inputs(Seen(), torch.randn(9, 3, 4, 4))
    with pytest.raises(ValueError, match=r"shape \(3, 4, 4\), but the inputs have shape \(47,\)"):
        model(torch.randn(9, 47))


def test_a_constant_feature_keeps_its_unit() -> None:
    data = torch.cat([X, torch.full((200, 1), 0.1), torch.zeros(200, 1)], 1)
    model = standardise_inputs(Seen(), list(data.split(7)))
    assert model.input_std[3:].tolist() == [1, 1]
    assert model(data)[:, 3:].abs().max() < 1e-7


def test_integer_pixels_are_standardised() -> None:
    data = torch.arange(256, dtype=torch.uint8).repeat(2).reshape(-1, 1)
    model = standardise_inputs(Seen(), data)
    assert model.input_mean.item() == pytest.approx(127.5)
    assert model(data.float()).std(unbiased=False).item() == pytest.approx(1)


def test_token_ids_are_refused_at_the_fit_and_in_the_model() -> None:
    with pytest.raises(ValueError, match="int64, as token ids are"):
        standardise_inputs(Seen(), torch.randint(0, 9, (5, 4)))
    model = standardise_inputs(Seen(), torch.zeros(4, 2, dtype=torch.uint8))
    with pytest.raises(ValueError, match="only floating-point inputs"):
        model(torch.ones(4, 2, dtype=torch.long))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "no examples"),
        (torch.empty(0, 3), "no examples"),
        ([X, X[:, :2]], "number of features: 3 and 2"),
    ],
)
def test_data_that_cannot_be_used_do_not_change_the_model(data: object, message: str) -> None:
    model = Seen()
    with pytest.raises(ValueError, match=message):
        standardise_inputs(model, data)
    assert list(model.state_dict()) == ["weight"] and not model._forward_pre_hooks


def test_a_second_call_changes_nothing() -> None:
    model = standardise_inputs(Seen(), X)
    before = model(X)
    assert standardise_inputs(model, X * 100) is model
    assert torch.equal(model(X), before) and len(model._forward_pre_hooks) == 1


def test_a_name_that_the_model_uses_is_refused() -> None:
    model = Seen()
    model.input_mean = 3
    with pytest.raises(ValueError, match="already has an attribute input_mean"):
        standardise_inputs(model, X)


class Noisy(Dataset):
    """Augments its items at random, as image datasets do."""

    def __len__(self) -> int:
        return 20

    def __getitem__(self, i: int) -> Tensor:
        return torch.randn(3) + random.random() + np.random.rand()


def numbers_drawn_by_a_script(*, touch: bool) -> list[object]:
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    generator = torch.Generator().manual_seed(4)
    loader = DataLoader(Noisy(), batch_size=4, shuffle=True, generator=generator)
    if touch:
        standardise_inputs(Seen(), loader)
    drawn = [torch.rand(1).item(), random.random(), np.random.rand(), generator.get_state().tolist()]
    return [*drawn, *(batch.tolist() for batch in loader)]


def test_no_random_number_is_drawn() -> None:
    assert numbers_drawn_by_a_script(touch=True) == numbers_drawn_by_a_script(touch=False)


def test_a_data_function_may_draw_without_advancing_the_random_state() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    standardise_inputs(Seen(), lambda: ((X[i], None) for i in torch.randperm(200).split(32)))
    assert torch.equal(torch.rand(3), expected)


def test_the_model_keeps_its_parameters_modes_and_gradient() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))
    parameters = dict(model.named_parameters())
    standardise_inputs(model, X)
    assert dict(model.named_parameters()) == parameters and model.training
    x = X.clone().requires_grad_()
    model.eval()(x).sum().backward()
    expected = model[0].weight.detach().sum(0) / X.std(0, unbiased=False)
    assert torch.allclose(x.grad[0], expected, rtol=1e-4)


def test_copies_pickles_and_state_dicts_keep_the_statistics(tmp_path) -> None:
    model = standardise_inputs(nn.Sequential(nn.Linear(3, 2)), X)
    expected = model(X)
    assert torch.equal(copy.deepcopy(model)(X), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(X), expected)
    torch.save(model, tmp_path / "model.pt")
    assert torch.equal(torch.load(tmp_path / "model.pt", weights_only=False)(X), expected)
    fresh = standardise_inputs(nn.Sequential(nn.Linear(3, 2)), torch.randn(10, 3))
    fresh.load_state_dict(model.state_dict())
    assert torch.equal(fresh(X), expected)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_the_precision_of_the_inputs_is_kept(dtype: torch.dtype) -> None:
    model = standardise_inputs(Seen().to(dtype), X)
    assert model.input_mean.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert model(X.to(dtype)).dtype == dtype


@pytest.mark.slow
def test_a_compiled_model_and_the_model_in_it_agree() -> None:
    inner = nn.Sequential(nn.Linear(3, 2))
    compiled = torch.compile(inner, backend="eager", fullgraph=True)
    standardise_inputs(compiled, X)
    assert torch.equal(compiled(X), inner(X))
    assert torch.equal(inner(X), inner[0]((X - inner.input_mean) / inner.input_std))


def test_a_parallel_wrapper_standardises_once() -> None:
    inner = Seen()
    wrapper = nn.DataParallel(inner)
    standardise_inputs(standardise_inputs(wrapper, X), X)
    assert torch.allclose(wrapper(X), inner(X)) and not wrapper._forward_pre_hooks


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_is_followed_and_its_random_state_untouched() -> None:
    torch.cuda.manual_seed(1)
    expected = torch.rand(3, device="cuda")
    torch.cuda.manual_seed(1)
    model = standardise_inputs(Seen().cuda(), lambda: [X.cuda()[torch.randperm(200, device="cuda")]])
    assert torch.equal(torch.rand(3, device="cuda"), expected)
    assert model.input_mean.is_cuda and model(X.cuda()).std(0, unbiased=False).allclose(
        torch.ones(3, device="cuda"), atol=1e-4
    )
    late = standardise_inputs(Seen(), X.cuda()).cuda()
    assert late(X.cuda()).is_cuda


def test_missing_values_count_as_the_mean():
    data = torch.tensor([[1.0, 5.0], [float("nan"), 7.0], [3.0, float("inf")]])
    model = standardise_inputs(Seen(), data)
    assert torch.allclose(model.input_mean, torch.tensor([2.0, 6.0]))
    seen = model(data)
    assert seen.isfinite().all() and seen[1, 0] == 0 and seen[2, 1] == 0
