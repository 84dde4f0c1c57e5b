"""Averages of iterates: their weights, and evaluation with the averaged model."""

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.optim import SGD
from torch.optim.swa_utils import AveragedModel

from descend.averaging import bias_corrected_ema, swapped_in


class Numbers(nn.Module):
    """One number and nothing else."""

    def __init__(self, value=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([value]))


def averaged_over(values, **options):
    model = Numbers()
    averaged = AveragedModel(model, **options)
    for value in values:
        model.w.data.fill_(value)
        averaged.update_parameters(model)
    return averaged.module.w.item()


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_the_weights_of_an_average_sum_to_one_minus_decay_to_the_t(decay, steps):
    values = torch.randn(steps, generator=torch.Generator().manual_seed(steps), dtype=torch.float64).tolist()
    weights = [(1 - decay) * decay ** (steps - 1 - s) for s in range(steps)]
    assert sum(weights) == pytest.approx(1 - decay**steps)
    expected = sum(w * v for w, v in zip(weights, values)) / (1 - decay**steps)
    assert averaged_over(values, multi_avg_fn=bias_corrected_ema(decay)) == pytest.approx(expected, abs=1e-5)


def test_the_default_average_of_torch_is_the_polyak_average():
    assert averaged_over([1.0, 2.0, 6.0]) == pytest.approx(3.0)


def test_the_first_iterate_has_no_more_weight_than_the_others():
    values = [100.0, *[1.0] * 50]
    corrected = averaged_over(values, multi_avg_fn=bias_corrected_ema(0.99))
    from torch.optim.swa_utils import get_ema_multi_avg_fn

    torchs = averaged_over(values, multi_avg_fn=get_ema_multi_avg_fn(0.99))
    assert corrected < 4 < 50 < torchs


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0])
def test_a_decay_out_of_range_is_rejected(decay):
    with pytest.raises(ValueError, match=f"decay must be in .*, not {decay}"):
        bias_corrected_ema(decay)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 1))


def trained(steps=60):
    model, data = network(), torch.randn(256, 4) * 3 + 1
    targets = data.sum(1, keepdim=True)
    optimizer, averaged = SGD(model.parameters(), lr=0.01), AveragedModel(model, multi_avg_fn=bias_corrected_ema(0.9))
    for step in range(steps):
        batch = slice(step % 8 * 32, step % 8 * 32 + 32)
        optimizer.zero_grad()
        mse_loss(model(data[batch]), targets[batch]).backward()
        optimizer.step()
        averaged.update_parameters(model)
    return model, averaged, data.split(32)


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_buffers_can_also_be_averaged():
    model = network()
    averaged = AveragedModel(model, multi_avg_fn=bias_corrected_ema(0.5), use_buffers=True)
    for _ in range(3):
        model(torch.randn(8, 4))
        averaged.update_parameters(model)
    assert averaged.module[1].num_batches_tracked == 3


def test_swapped_in_restores_weights_and_buffers_even_after_an_error():
    model, averaged, batches = trained()
    before, other, random = state(model), state(averaged), torch.get_rng_state()
    with pytest.raises(RuntimeError, match="in the block"), swapped_in(model, averaged, batches):
        raise RuntimeError("in the block")
    assert same(before, state(model)) and same(other, state(averaged))
    assert torch.equal(random, torch.get_rng_state()) and model.training


def test_in_the_block_the_model_has_the_average_and_newly_measured_statistics():
    model, averaged, batches = trained()
    mean = [p.detach().clone() for p in averaged.module.parameters()]
    with swapped_in(model, averaged, batches) as swapped:
        assert swapped is model
        assert all(torch.equal(p, q) for p, q in zip(model.parameters(), mean))
        hidden = model[0](torch.cat(batches))
        torch.testing.assert_close(model[1].running_mean, hidden.mean(0), rtol=1e-4, atol=1e-5)


def test_an_optimizer_can_step_after_the_block():
    model, averaged, _ = trained()
    optimizer = SGD(model.parameters(), lr=0.1)
    with swapped_in(model, averaged):
        pass
    before = state(model)
    model(torch.randn(8, 4)).sum().backward()
    optimizer.step()
    assert not torch.equal(before["0.weight"], model[0].weight)


def test_the_average_of_a_different_model_is_rejected():
    model, _, _ = trained(1)
    with (
        pytest.raises(ValueError, match="have parameters of different shapes"),
        swapped_in(model, AveragedModel(nn.Linear(2, 2))),
    ):
        pass


@pytest.mark.parametrize("batches", [[], iter(())], ids=["none", "used up"])
def test_measuring_statistics_without_batches_is_rejected(batches):
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model(torch.randn(8, 2))
    averaged = AveragedModel(model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="no batches"), swapped_in(model, averaged, batches):
        raise AssertionError
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
