"""Standardised, whitened and augmented examples."""

import io
import math

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from descend.data import GaussianNoise, RandomAffine, Standardise, Whiten

CANCER = torch.tensor(load_breast_cancer().data, dtype=torch.float32)
DIGITS = torch.tensor(load_digits().data, dtype=torch.float32)


class Stream(IterableDataset):
    """Examples that come one by one, without a length."""

    def __iter__(self):
        return iter((row, 0) for row in CANCER)


SOURCES = {
    "tensor": CANCER,
    "loader": DataLoader(TensorDataset(CANCER), batch_size=50, shuffle=True),
    "stream": DataLoader(Stream(), batch_size=32),
    "batches": CANCER.split(37),
}


@pytest.mark.parametrize("source", SOURCES)
def test_standardise_agrees_with_scikit_learn(source):
    expected = torch.tensor(StandardScaler().fit_transform(CANCER.double().numpy()))
    torch.testing.assert_close(Standardise(SOURCES[source])(CANCER).double(), expected, atol=2e-4, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("components", [5, 20])
def test_whiten_agrees_with_scikit_learn_except_for_signs(source, components):
    expected = torch.tensor(PCA(components, whiten=True, svd_solver="full").fit_transform(CANCER.double().numpy()))
    expected *= math.sqrt(len(CANCER) / (len(CANCER) - 1))  # theirs is the sample's variance
    torch.testing.assert_close(
        Whiten(SOURCES[source], components)(CANCER).double().abs(), expected.abs(), atol=5e-3, rtol=1e-2
    )


def test_no_direction_of_real_data_counts_as_constant():
    white = Whiten(CANCER)(CANCER).double()  # variances from 4e5 down to 7e-7
    torch.testing.assert_close(white.std(0), torch.ones(30, dtype=torch.float64), atol=0.1, rtol=0.0)
    twice = torch.cat([DIGITS[:, 20:30], DIGITS[:, 20:30]], 1)
    assert Whiten(twice)(twice).std(0)[10:].abs().max() == 0  # and one that is, is


def test_whitened_features_are_uncorrelated():
    white = Whiten(DIGITS)(DIGITS).double()
    covariance = white.T @ white / len(white)
    flat = torch.linalg.matrix_rank((DIGITS - DIGITS.mean(0)).double())  # three pixels are constant
    assert flat == 61
    expected = torch.zeros(64, 64, dtype=torch.float64).diagonal_scatter(torch.cat([torch.ones(61), torch.zeros(3)]))
    torch.testing.assert_close(covariance, expected, atol=1e-3, rtol=0)


def test_constant_features_are_centred():
    data = torch.stack([torch.full((20,), 7.0), torch.arange(20.0)], 1)
    assert Standardise(data)(data)[:, 0].eq(0).all()
    white = Whiten(data)(data)
    assert white[:, 1].eq(0).all() and white.isfinite().all()


def test_the_statistics_are_saved_with_the_model():
    model = nn.Sequential(Standardise(CANCER), Whiten(CANCER, 4), nn.Linear(4, 2))
    kept = io.BytesIO()
    torch.save(model.state_dict(), kept)
    other = nn.Sequential(Standardise(CANCER + 1), Whiten(CANCER * 2, 4), nn.Linear(4, 2))
    kept.seek(0)
    other.load_state_dict(torch.load(kept))
    assert torch.equal(model(CANCER), other(CANCER))


def test_the_outputs_have_the_dtype_of_the_inputs():
    white = Whiten(CANCER, 3)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        assert white(CANCER.to(dtype)).dtype is dtype
    with pytest.raises(ValueError, match="uint8: only floating-point inputs"):
        white(CANCER.to(torch.uint8))


def test_a_fit_draws_no_random_number():
    before = torch.get_rng_state()
    Standardise(SOURCES["loader"]), Whiten(SOURCES["loader"])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Whiten(torch.randn(10, 30)), "10 examples are too few to determine 30 components"),
        (lambda: Whiten(torch.randn(10, 3), 4), "between 1 and the 3 features, not 4"),
        (lambda: Whiten(torch.randn(10, 3), 0), "between 1 and the 3 features, not 0"),
        (lambda: Whiten(torch.full((9, 2), math.nan)), "infinity or NaN"),
        (lambda: Whiten([]), "no examples"),
        (lambda: Whiten(CANCER, 3, zca=True), "zca=True uses all components"),
        (lambda: Whiten(CANCER, eps=-1), "eps must be at least 0, not -1"),
        (
            lambda: Whiten(torch.randn(9, 2))(torch.randn(3, 5)),
            "the mean was computed for 2 features, but the inputs have 5",
        ),
        (lambda: Whiten(CANCER[:, :3])(torch.randn(3)), r"inputs must be \(N, D\), not \(3,\)"),
        (lambda: Whiten(torch.randn(9)), r"inputs must be \(N, D\), not \(9,\)"),
        (lambda: Standardise(CANCER)(torch.randn(4, 5)), r"of shape \(30,\), but the inputs have shape \(5,\)"),
        (lambda: Standardise(CANCER)(torch.randn(4, 1)), r"of shape \(30,\), but the inputs have shape \(1,\)"),
        (
            lambda: Standardise(CANCER[:, :1])(torch.randn(4, 5)),
            r"examples of shape \(1,\), but the inputs have shape \(5,\)",
        ),
        (
            lambda: Standardise(torch.rand(9, 3, 8, 8))(torch.rand(4, 1, 8, 8)),
            r"\(3, 8, 8\), but the inputs have shape \(1, 8, 8\)",
        ),
        (lambda: Standardise([]), "no examples"),
        (lambda: Standardise(torch.zeros(4, 2, dtype=torch.long)), "token ids"),
        (lambda: RandomAffine()(torch.zeros(2, 8, 8)), "images must be floating-point numbers of shape .N, C, H, W."),
        (
            lambda: RandomAffine()(torch.zeros(2, 1, 0, 8)),
            r"floating-point numbers of shape .N, C, H, W., not torch.float32 of shape \(2, 1, 0, 8\)",
        ),
        (lambda: GaussianNoise(0.1)(torch.zeros(3, dtype=torch.long)), "must be real numbers, not torch.int64"),
        (lambda: RandomAffine(rotate=-1), "rotate must be a finite number of at least 0, not -1"),
        (lambda: GaussianNoise(math.nan), "std must be a finite number of at least 0, not nan"),
    ],
)
def test_data_that_cannot_be_fitted_is_rejected(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_noise_is_added_in_training_mode_only():
    torch.manual_seed(0)
    x, noise = torch.zeros(10_000), GaussianNoise(0.3)
    assert abs(noise(x).std().item() - 0.3) < 0.01 and abs(noise(x).mean().item()) < 0.01
    assert torch.equal(noise.eval()(x), x)


def images(height=9, width=15):
    """Return images with one bright pixel in the middle."""
    made = torch.zeros(64, 2, height, width)
    made[:, :, height // 2, width // 2] = 1.0
    return made


def test_without_arguments_images_do_not_change():
    x = torch.rand(4, 3, 8, 10)
    torch.testing.assert_close(RandomAffine()(x), x)
    assert torch.equal(RandomAffine(0.3, 0.2, 40).eval()(x), x)


def test_an_empty_batch_of_images_stays_empty():
    assert RandomAffine(0.3, 0.2, 40)(torch.rand(0, 3, 8, 10)).shape == (0, 3, 8, 10)


def test_single_images_and_images_of_a_new_size_are_standardised_by_channel():
    images = torch.rand(9, 3, 8, 8)
    standardise = Standardise(images)
    larger = torch.rand(2, 3, 11, 5)
    mean, std = (statistic.view(3, 1, 1) for statistic in (images.mean((0, 2, 3)), images.std((0, 2, 3), correction=0)))
    torch.testing.assert_close(standardise(larger), (larger - mean) / std)
    torch.testing.assert_close(standardise(images[0]), (images[0] - mean) / std)
    torch.testing.assert_close(standardise(images.flatten(1)), standardise(images).flatten(1))


def test_the_translation_stays_within_its_limit():
    torch.manual_seed(0)
    moved = RandomAffine(translate=0.2)(images())
    where = moved[:, 0].flatten(1).argmax(1)
    dy, dx = where // 15 - 4, where % 15 - 7
    assert dx.abs().max() == 3 and dy.abs().max() == 2 and len({*dx.tolist()}) == 7
    torch.testing.assert_close(moved.sum((2, 3)), torch.ones(64, 2))


def test_a_rotation_preserves_the_centre_and_distances_even_in_oblong_images():
    torch.manual_seed(0)
    x = images(21, 41)
    x[:, :, 10, 30] = 1.0  # ten pixels to the right of the middle
    turned = RandomAffine(rotate=90)(x)[:, 0]
    assert turned[:, 10, 20].min() > 0.9
    ys, xs = torch.meshgrid(torch.arange(21.0) - 10, torch.arange(41.0) - 20, indexing="ij")
    turned = turned.clone()
    turned[:, 9:12, 19:22] = 0
    mass = turned.sum((1, 2))
    radius = (turned * (xs**2 + ys**2).sqrt()).sum((1, 2)) / mass
    torch.testing.assert_close(radius, torch.full((64,), 10.0), atol=0.35, rtol=0)
    angles = torch.atan2((turned * ys).sum((1, 2)), (turned * xs).sum((1, 2))).rad2deg()
    assert angles.max() > 70 and angles.min() < -70


def test_images_are_scaled_equally_in_both_directions():
    torch.manual_seed(0)
    x = torch.zeros(200, 1, 40, 40)
    x[:, :, 12:28, 12:28] = 1.0
    sizes = (RandomAffine(scale=0.25)(x).sum((1, 2, 3)) / 256).sqrt()
    assert 1.15 < sizes.max() <= 1.27 and 0.78 <= sizes.min() < 0.86
    assert abs(sizes.log().mean()) < 0.03
