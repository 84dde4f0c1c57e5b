import numpy as np
import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, readings
from torch import Tensor, nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.inputs import inputs, network_input
from descend.doctor.measure.snapshot import Measurement
from descend.doctor.record import facts

KAPPA, LARGEST = "input_condition_number", "input_largest_eigenvalue"


def with_data(net: nn.Module, *batches: Tensor) -> Training:
    return Training(net, [lambda x=x: net(x).float().square().mean() for x in batches])


def input_fact(found: Measurement) -> facts.Inputs:
    return kept(found).fact(facts.Inputs)


def naive_spectrum(rows: np.ndarray) -> tuple[float, float]:
    """Return λmax and κ of the second moments of the rows with a constant 1, from singular values."""
    augmented = np.column_stack([rows, np.ones(len(rows))])
    singular = np.linalg.svd(augmented, compute_uv=False) ** 2 / len(rows)
    real = singular[singular > 1e-10 * singular[0]]
    return singular[0], real[0] / real[-1]


def table(count: int = 60) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(count, 4) * torch.tensor([1.0, 30.0, 0.02, 5.0]) + torch.tensor([0.0, 100.0, -3.0, 7.0])


def test_statistics_and_conditioning_against_numpy() -> None:
    x = table()
    found = list(inputs(with_data(nn.Linear(4, 3), x[:20], x[20:]).snapshot()))
    rows = x.double().numpy()
    seen = input_fact(found)
    assert (seen.features, seen.examples, seen.constant_features, seen.finite) == (4, 60, 0, True)
    assert seen.mean == pytest.approx(rows.mean(0).tolist())
    assert seen.std == pytest.approx(rows.std(0).tolist())
    assert (seen.min, seen.max) == (rows.min(), rows.max())
    assert seen.largest_rms == pytest.approx(np.sqrt((rows**2).mean(0)).max())
    assert (seen.shape, seen.first_layer) == ((20, 4), "linear")
    measured = readings(found)
    for suffix, values in (("", rows), ("_standardised", (rows - rows.mean(0)) / rows.std(0))):
        largest, condition = naive_spectrum(values)
        assert measured[KAPPA + suffix, ""] == pytest.approx(condition, rel=1e-6)
        assert measured[LARGEST + suffix, ""] == pytest.approx(largest, rel=1e-6)


def test_standardised_independent_features_are_well_conditioned() -> None:
    torch.manual_seed(0)
    found = readings(list(inputs(with_data(nn.Linear(3, 1), torch.randn(4000, 3)).snapshot())))
    assert found[KAPPA, ""] == pytest.approx(1, abs=0.2)
    assert found[f"{KAPPA}_standardised", ""] == pytest.approx(1, abs=0.2)


def test_one_feature_far_from_the_scale_of_the_bias_is_conditioned_by_both() -> None:
    torch.manual_seed(0)
    found = readings(list(inputs(with_data(nn.Linear(1, 1), 1e5 * torch.rand(400, 1)).snapshot())))
    assert found[KAPPA, ""] == pytest.approx(4 / 3 * 1e10, rel=0.1)  # E[x²] = 1e10/3 over 1 − E[x]²/E[x²] = 1/4
    assert found[f"{KAPPA}_standardised", ""] == pytest.approx(1, abs=0.01)


def test_constant_features_are_left_out() -> None:
    x = table()
    x = torch.cat([x, torch.full((60, 1), 7.0), torch.zeros(60, 1)], 1)
    snapshot = with_data(nn.Linear(6, 2), x).snapshot()
    found = list(inputs(snapshot))
    assert input_fact(found).constant_features == 2
    assert readings(found)[KAPPA, ""] == pytest.approx(naive_spectrum(x[:, :4].double().numpy())[1], rel=1e-6)
    standard = snapshot.memory["input_statistics"].standardise(x)
    assert torch.equal(standard[:, 4:], torch.zeros(60, 2))
    torch.testing.assert_close(standard[:, :4].mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(standard[:, :4].std(0, correction=0), torch.ones(4), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("net", "shape", "features"),
    [
        (nn.Sequential(nn.Conv2d(3, 2, 3)), (5, 3, 6, 7), (0, 2, 3)),
        (nn.Sequential(nn.Conv1d(3, 2, 3)), (5, 3, 9), (0, 2)),
        (nn.Sequential(nn.BatchNorm1d(3), nn.Conv1d(3, 2, 3)), (5, 3, 9), (0, 2)),
        (nn.Sequential(nn.Linear(3, 2)), (5, 9, 3), (0, 1)),
        (nn.Sequential(nn.Linear(3, 2)), (5, 4, 6, 3), (0, 1, 2)),
        (nn.Sequential(nn.Conv3d(3, 2, 2)), (2, 3, 4, 5, 6), (0, 2, 3, 4)),
        (nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), (40, 3, 4), None),
    ],
)
def test_features_are_those_of_the_first_layer(net: nn.Module, shape: tuple[int, ...], features) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape) * 3 + 1
    snapshot = with_data(net, x).snapshot()
    seen = input_fact(inputs(snapshot))
    rows = x.flatten(1) if features is None else x
    reduced = 0 if features is None else features
    assert seen.mean == pytest.approx(rows.mean(reduced).tolist(), abs=1e-5)
    assert seen.std == pytest.approx(rows.std(reduced, correction=0).tolist(), rel=1e-5)
    standard = snapshot.memory["input_statistics"].standardise(rows)
    torch.testing.assert_close(standard.mean(reduced), torch.zeros_like(standard.mean(reduced)), atol=1e-5, rtol=0)


def test_the_recurrent_network_is_fed_its_features() -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.LSTM(3, 4, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x)[0][:, -1]

    x = torch.randn(6, 5, 3) * torch.tensor([1.0, 10.0, 100.0])
    seen = input_fact(inputs(with_data(Last(), x).snapshot()))
    assert seen.std == pytest.approx(x.std((0, 1), correction=0).tolist(), rel=1e-5)


def test_inputs_are_measured_after_the_scripts_preprocessing() -> None:
    net, x = nn.Linear(4, 2), table()

    def step() -> Tensor:
        z = (x - x.mean(0)) / x.std(0)
        z += 10
        return net(z).square().mean()

    seen = input_fact(inputs(Training(net, [step]).snapshot()))
    assert seen.mean == pytest.approx([10.0] * 4, abs=1e-4)


def test_data_that_are_not_finite() -> None:
    x = table()
    x[3, 1] = float("nan")
    found = list(inputs(with_data(nn.Linear(4, 2), x).snapshot()))
    assert input_fact(found).finite is False
    assert readings(found) == {}


def test_too_many_features_have_no_condition_number() -> None:
    net = nn.Linear(1030, 1)
    found = list(inputs(with_data(net, torch.randn(8, 1030)).snapshot()))
    seen = input_fact(found)
    assert seen.features == 1030 and len(seen.mean) == len(seen.std) == 256
    assert readings(found) == {}


def test_all_features_constant() -> None:
    found = list(inputs(with_data(nn.Linear(3, 1), torch.ones(5, 3)).snapshot()))
    assert input_fact(found).constant_features == 3
    assert readings(found) == {}


def test_fewer_examples_than_features() -> None:
    torch.manual_seed(0)
    x = torch.randn(5, 20)
    found = readings(list(inputs(with_data(nn.Linear(20, 1), x).snapshot())))
    assert found[KAPPA, ""] == pytest.approx(naive_spectrum(x.double().numpy())[1], rel=1e-6)


def test_inputs_without_a_scale() -> None:
    table = nn.Embedding(9, 4)
    training = Training(table, [lambda: table(torch.arange(5)).square().mean()])
    with pytest.raises(Unavailable, match="token ids"):
        list(inputs(training.snapshot()))


def test_a_loss_without_inputs() -> None:
    net = nn.Linear(2, 2)
    training = Training(net, [lambda: net.weight.square().sum()])
    with pytest.raises(Unavailable, match="no call combines a data tensor"):
        list(inputs(training.snapshot()))


def test_single_numbers() -> None:
    net, x = nn.Linear(1, 1), torch.randn(5)
    training = Training(net, [lambda: (x * net.weight[0] + net.bias).square().mean()])
    with pytest.raises(Unavailable, match="single numbers"):
        list(inputs(training.snapshot()))


def test_batches_of_different_shapes() -> None:
    net = nn.AdaptiveAvgPool1d(3)
    mixed = nn.Sequential(net, nn.Linear(3, 1))
    assert input_fact(inputs(with_data(mixed, torch.randn(4, 2, 9), torch.randn(4, 2, 5)).snapshot()))
    table = nn.ParameterList([torch.randn(1)])
    odd = Training(table, [lambda x=x: (table[0] * x).square().mean() for x in (torch.ones(3, 2), torch.ones(3, 4))])
    with pytest.raises(Unavailable, match="different numbers"):
        list(inputs(odd.snapshot()))


def test_data_that_have_changed_since() -> None:
    x = torch.randn(1100, 1000)
    training = with_data(nn.Linear(1000, 1), x)
    x += 1
    with pytest.raises(Unavailable, match="changed its data"):
        network_input(training.monitor[0])


def test_inputs_without_a_recording_are_unavailable() -> None:
    net = nn.Linear(2, 1)
    with pytest.raises(Unavailable, match="could not be recorded"):
        list(inputs(Training(net, []).snapshot()))


def test_the_steps_own_batch_is_used_without_fixed_examples() -> None:
    net = nn.Linear(4, 1)
    training = with_data(net, table())
    snapshot = training.snapshot(monitor=(), recording=training.monitor[0])
    assert input_fact(inputs(snapshot)).examples == 60


def test_inputs_under_autocast_are_those_of_the_script() -> None:
    net, x = nn.Linear(4, 2), table()

    def step() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return F.mse_loss(net(x).float(), torch.zeros(60, 2))

    seen = input_fact(inputs(Training(net, [step]).snapshot()))
    assert seen.mean == pytest.approx(x.double().mean(0).tolist(), rel=1e-6)
