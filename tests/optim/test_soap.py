"""SOAP against its pseudo-code in NumPy, and its independence of the basis of rows and columns."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rules import difference, give_gradients, tensors, train

from descend import optim
from descend.optim.rules.soap import eigenvectors, refined_eigenvectors


def gradient(step: int, rows: int, columns: int) -> np.ndarray:
    """Return a gradient of full rank."""
    return np.random.default_rng(step).standard_normal((rows, columns))


def pseudo_code(weight, steps, lr, betas, eps, decay, frequency, rotates=(True, True)):
    """Vyas et al. 2024, Algorithm 3, with the two sides in a list; the first gradient only sets the eigenvectors."""
    beta1, beta2 = betas
    outer = lambda g, side: g @ g.T if side == 0 else g.T @ g  # noqa: E731
    weight = weight.copy()
    means, bases = [0.0, 0.0], [np.eye(n) for n in weight.shape]
    momentum, square = np.zeros_like(weight), np.zeros_like(weight)
    for t in range(1, steps + 1):
        g = gradient(t, *weight.shape)
        weight *= 1 - lr * decay
        if t > 1:
            momentum = beta1 * momentum + (1 - beta1) * g
            square = beta2 * square + (1 - beta2) * (bases[0].T @ g @ bases[1]) ** 2
            scaled = bases[0].T @ momentum @ bases[1] / (1 - beta1 ** (t - 1))
            scaled = scaled / (np.sqrt(square / (1 - beta2 ** (t - 1))) + eps)
            weight -= lr * bases[0] @ scaled @ bases[1].T
        for side in (0, 1):
            means[side] = beta2 * means[side] + (1 - beta2) * outer(g, side)
            if t == 1 and rotates[side]:
                bases[side] = np.linalg.eigh(means[side])[1][:, ::-1]
            elif t % frequency == 0 and rotates[side]:
                bases[side] = np.linalg.qr(means[side] @ bases[side])[0]
    return weight


def own_steps(weight, steps, **options):
    parameter = torch.from_numpy(weight.copy()).requires_grad_()
    optimizer = optim.SOAP([parameter], **options)
    for t in range(1, steps + 1):
        parameter.grad = torch.from_numpy(gradient(t, *weight.shape))
        optimizer.step()
    return parameter.detach().numpy()


@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 6), frequency=st.integers(1, 4), decay=st.sampled_from([0.0, 0.1]))
def test_the_steps_are_those_of_the_pseudo_code(size, frequency, decay):
    # With a square matrix, G·Gᵀ and Gᵀ·G have no equal eigenvalues, so that the eigenvectors are unique.
    weight = np.random.default_rng(99).standard_normal((size, size))
    expected = pseudo_code(weight, 12, 0.1, (0.8, 0.9), 1e-8, decay, frequency)
    options = {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": decay, "precondition_frequency": frequency}
    np.testing.assert_allclose(own_steps(weight, 12, **options), expected, rtol=1e-6, atol=1e-8)


def test_a_side_that_is_too_long_is_not_rotated():
    weight = np.random.default_rng(99).standard_normal((3, 5))
    expected = pseudo_code(weight, 8, 0.1, (0.8, 0.9), 1e-8, 0.0, 2, rotates=(True, False))
    options = {"lr": 0.1, "betas": (0.8, 0.9), "weight_decay": 0.0, "precondition_frequency": 2}
    np.testing.assert_allclose(own_steps(weight, 8, max_precond_dim=4, **options), expected, rtol=1e-6)


def test_without_rotation_it_is_adam_one_step_later():
    ours, theirs = tensors((4, 3)), tensors((4, 3))
    train(optim.SOAP(ours, lr=0.1, weight_decay=0.0, max_precond_dim=1), ours, 10)
    train(torch.optim.Adam(theirs, lr=0.1, betas=(0.95, 0.95)), theirs, 9, start=1)
    assert difference(ours, theirs) < 1e-5


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), size=st.integers(2, 5))
def test_the_steps_do_not_depend_on_the_basis_of_rows_and_columns(seed, size):
    random = np.random.default_rng(seed)
    left, right = (np.linalg.qr(random.standard_normal((size, size)))[0] for _ in "ab")
    weights = [np.zeros((size, size)), np.zeros((size, size))]
    parameters = [torch.from_numpy(w).requires_grad_() for w in weights]
    optimizers = [optim.SOAP([p], lr=0.1, precondition_frequency=2) for p in parameters]
    for t in range(1, 8):
        g = gradient(1000 * seed + t, size, size)
        for parameter, optimizer, shown in zip(parameters, optimizers, (g, left @ g @ right.T), strict=True):
            parameter.grad = torch.from_numpy(shown)
            optimizer.step()
    plain, turned = (p.detach().numpy() for p in parameters)
    np.testing.assert_allclose(turned, left @ plain @ right.T, rtol=1e-5, atol=1e-7)


def test_vectors_and_chosen_groups_are_stepped_by_adamw():
    mixed, expected = tensors((6,), (4, 3)), tensors((6,), (4, 3))
    groups = [{"params": [mixed[0]]}, {"params": [mixed[1]], "use_soap": False}]
    train(optim.SOAP(groups, lr=0.01), mixed, 10)
    train(torch.optim.AdamW(expected, lr=0.01, betas=(0.95, 0.95), weight_decay=0.01), expected, 10)
    assert difference(mixed, expected) < 1e-6


def test_a_checkpoint_keeps_the_precision_of_the_eigenvectors():
    straight, broken = (tensors((5, 4), dtype=torch.bfloat16) for _ in range(2))
    train(optim.SOAP(straight, precondition_frequency=3), straight, 10)
    first = optim.SOAP(broken, precondition_frequency=3)
    train(first, broken, 5)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = optim.SOAP(broken, precondition_frequency=3)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert second.state[broken[0]]["q_left"].dtype is torch.float32
    train(second, broken, 5, start=5)
    assert torch.equal(straight[0], broken[0])


@pytest.mark.parametrize("at", [0, 1])
def test_a_gradient_that_is_not_finite_affects_only_its_matrix(at):
    parameters = tensors((4, 3), (4, 3))
    optimizer = optim.SOAP(parameters, precondition_frequency=1)
    for step in range(3):
        give_gradients(parameters, step)
        if step == at:
            parameters[0].grad[1, 2] = float("nan")
        optimizer.step()
    assert not parameters[0].isfinite().any() and parameters[1].isfinite().all()


def test_the_first_step_is_weight_decay_alone():
    [weight] = tensors((4, 3))
    before = weight.detach().clone()
    train(optim.SOAP([weight], lr=0.1, weight_decay=0.5), [weight], 1)
    assert torch.allclose(weight.detach(), before * (1 - 0.1 * 0.5))


class MpsMatrix(torch.Tensor):
    """A matrix with the limits of the MPS device, which has no float64 and no `eigh`, until it is moved to the CPU."""

    is_mps = True

    def cpu(self):
        return self.as_subclass(torch.Tensor)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function in (torch.Tensor.double, torch.linalg.eigh, torch.linalg.qr):
            raise TypeError("not on MPS")
        return super().__torch_function__(function, types, args, kwargs or {})


def test_matrices_on_mps_are_decomposed_on_the_cpu():
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    vectors = eigenvectors(matrix)
    assert torch.equal(eigenvectors(matrix.as_subclass(MpsMatrix)), vectors)
    assert torch.equal(
        refined_eigenvectors(matrix.as_subclass(MpsMatrix), vectors), refined_eigenvectors(matrix, vectors)
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"precondition_frequency": 0}, "SOAP: precondition_frequency must be an integer of at least 1, not 0"),
        ({"max_precond_dim": 1.5}, "SOAP: max_precond_dim must be an integer of at least 1, not 1.5"),
        ({"capturable": True}, "SOAP does not support capturable"),
        ({"betas": (0.9, 1.0)}, r"SOAP: betas must be in \[0, 1\), not \(0.9, 1.0\)"),
    ],
)
def test_a_setting_out_of_range_is_named(options, text):
    with pytest.raises(ValueError, match=text):
        optim.SOAP(tensors((2, 2)), **options)
