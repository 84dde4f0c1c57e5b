import copy
import pickle

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import nn

from descend.data.whiten import apply_whitening
from descend.network import standardise_inputs, whiten_inputs

CANCER = torch.tensor(load_breast_cancer().data[:, :10]).float()
IMAGES = torch.tensor(load_digits().images).float().unsqueeze(1)


def covariance(rows):
    rows = rows.flatten(1).double()
    return (rows - rows.mean(0)).T @ (rows - rows.mean(0)) / len(rows)


def test_the_covariance_becomes_the_identity_and_features_keep_their_places():
    model = whiten_inputs(standardise_inputs(nn.Sequential(nn.Identity()), CANCER), CANCER, eps=0.0)
    white = model(CANCER)
    torch.testing.assert_close(covariance(white), torch.eye(10, dtype=torch.float64), atol=1e-3, rtol=0)
    both = torch.corrcoef(torch.cat([CANCER, white], 1).double().T)[:10, 10:]
    # Each whitened feature is most correlated with its original feature (Kessy et al. 2018).
    assert both.diagonal().min() > 0.3


def test_images_keep_their_shape_and_constant_pixels_become_zero():
    model = whiten_inputs(nn.Sequential(nn.Identity()), [IMAGES[:900], IMAGES[900:]])
    white = model(IMAGES)
    assert white.shape == IMAGES.shape
    variances = torch.linalg.eigvalsh(covariance(IMAGES)).clamp_min(0)
    expected = variances / (variances + 1e-5 * variances.max())
    assert (expected < 1e-6).sum() == 3
    torch.testing.assert_close(torch.linalg.eigvalsh(covariance(white)), expected, atol=1e-3, rtol=0)


def test_whitening_removes_the_ravine_of_correlated_inputs():
    """Gradient descent needs about κ steps: at half the stability limit, 20 steps suffice if κ is 1."""
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(400, 1, generator=generator)
    inputs = shared + 0.05 * torch.randn(400, 6, generator=generator)
    targets = inputs @ torch.tensor([3.0, -2.0, 1.0, 0.0, -1.0, -1.0])
    left = []
    for model in (nn.Linear(6, 1), whiten_inputs(nn.Linear(6, 1), inputs)):
        seen = apply_whitening(inputs, *model.buffers()) if list(model.buffers()) else inputs
        rate = 1 / torch.linalg.eigvalsh(2 * seen.T @ seen / 400).max()
        for _ in range(20):
            model.zero_grad()
            ((model(inputs).squeeze(1) - targets) ** 2).mean().backward()
            with torch.no_grad():
                for p in model.parameters():
                    p -= rate * p.grad
        left.append(((model(inputs).squeeze(1) - targets) ** 2).mean().item())
    assert left[1] < 1e-4 * targets.var() < left[0]


def test_a_second_call_changes_nothing_and_copies_agree():
    model = whiten_inputs(nn.Sequential(nn.Linear(10, 2)), CANCER)
    expected = model(CANCER)
    assert torch.equal(whiten_inputs(model, CANCER * 9)(CANCER), expected)
    assert torch.equal(copy.deepcopy(model)(CANCER), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(CANCER), expected)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (torch.randn(10, 10), "10 examples are too few to determine 10 components"),
        (torch.full((20, 10), torch.nan), "infinity or NaN"),
        ([], "no examples"),
    ],
)
def test_data_that_cannot_be_used_do_not_change_the_model(data, says):
    model = nn.Linear(10, 1)
    with pytest.raises(ValueError, match=says):
        whiten_inputs(model, data)
    assert list(model.state_dict()) == ["weight", "bias"] and not model._forward_pre_hooks


def test_a_name_that_the_model_uses_is_refused():
    model = nn.Linear(10, 1)
    model.whitening_mean = 3
    with pytest.raises(ValueError, match="already has an attribute whitening_mean"):
        whiten_inputs(model, CANCER)
