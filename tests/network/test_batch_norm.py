"""The lecture's six backward equations of batch normalisation give the gradients that autograd computes."""

import torch
from torch import nn

M, INPUTS, OUTPUTS = 12, 5, 3


def test_the_six_backward_equations():
    torch.manual_seed(0)
    x = torch.randn(M, INPUTS, dtype=torch.float64, requires_grad=True)
    norm = nn.BatchNorm1d(INPUTS, affine=False).double()
    linear = nn.Linear(INPUTS, OUTPUTS).double()
    normalised = norm(x)
    normalised.retain_grad()
    net = linear(normalised)
    dJ_dnet = torch.randn(M, OUTPUTS, dtype=torch.float64)
    net.backward(dJ_dnet)

    W, eps = linear.weight.detach(), norm.eps
    mean = x.detach().mean(0)
    variance = ((x.detach() - mean) ** 2).mean(0)
    deviation = x.detach() - mean
    x_hat = deviation / (variance + eps).sqrt()

    dJ_dx_hat = dJ_dnet @ W
    dJ_dvariance = (dJ_dx_hat * deviation * -0.5 * (variance + eps) ** -1.5).sum(0)
    dJ_dmean = (dJ_dx_hat * -1 / (variance + eps).sqrt()).sum(0) + dJ_dvariance * (-2 * deviation).sum(0) / M
    dJ_dx = dJ_dx_hat / (variance + eps).sqrt() + dJ_dvariance * 2 * deviation / M + dJ_dmean / M
    dJ_dW = dJ_dnet.T @ x_hat
    dJ_dw0 = dJ_dnet.sum(0)

    torch.testing.assert_close(normalised.grad, dJ_dx_hat)
    torch.testing.assert_close(x.grad, dJ_dx)
    torch.testing.assert_close(linear.weight.grad, dJ_dW)
    torch.testing.assert_close(linear.bias.grad, dJ_dw0)


def test_the_papers_own_equations_with_a_scale_and_a_shift():
    """Ioffe & Szegedy 2015, §3, as docs/knobs.md writes them; and what they say of the gradient that is handed down."""
    torch.manual_seed(2)
    x = (3 * torch.randn(M, INPUTS, dtype=torch.float64) + 1).requires_grad_()
    norm = nn.BatchNorm1d(INPUTS, eps=1e-12).double()
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    above = torch.randn(M, INPUTS, dtype=torch.float64)
    norm(x).backward(above)

    deviation = (x - x.mean(0)).detach()
    variance = (deviation**2).mean(0) + norm.eps
    x_hat = deviation / variance.sqrt()
    dl_dx_hat = above * norm.weight.detach()
    dl_dvariance = (dl_dx_hat * deviation * -0.5 * variance**-1.5).sum(0)
    dl_dmean = -(dl_dx_hat / variance.sqrt()).sum(0) + dl_dvariance * (-2 * deviation).sum(0) / M
    dl_dx = dl_dx_hat / variance.sqrt() + dl_dvariance * 2 * deviation / M + dl_dmean / M
    torch.testing.assert_close(x.grad, dl_dx)
    torch.testing.assert_close(norm.weight.grad, (above * x_hat).sum(0))
    torch.testing.assert_close(norm.bias.grad, above.sum(0))
    for direction in (torch.ones_like(x_hat), x_hat):
        torch.testing.assert_close((x.grad * direction).sum(0), torch.zeros(INPUTS, dtype=torch.float64))


def test_mean_and_variance_have_the_gradients_of_the_equations():
    """The second and third equation, with mean and variance as leaves of a graph of their own."""
    torch.manual_seed(1)
    x = torch.randn(M, INPUTS, dtype=torch.float64)
    mean = x.mean(0).requires_grad_()
    spread = ((x - mean) ** 2).mean(0)
    spread.retain_grad()
    x_hat = (x - mean) / (spread + 1e-5).sqrt()
    dJ_dx_hat = torch.randn_like(x_hat)
    x_hat.backward(dJ_dx_hat)

    deviation, variance = x - mean.detach(), spread.detach()
    dJ_dvariance = (dJ_dx_hat * deviation * -0.5 * (variance + 1e-5) ** -1.5).sum(0)
    dJ_dmean = (dJ_dx_hat * -1 / (variance + 1e-5).sqrt()).sum(0) + dJ_dvariance * (-2 * deviation).sum(0) / M
    torch.testing.assert_close(spread.grad, dJ_dvariance)
    torch.testing.assert_close(mean.grad, dJ_dmean)
