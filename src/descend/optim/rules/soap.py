"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner, which is recomputed now and then."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.folds import decoupled_decay
from descend.optim.matrices import as_matrix, split_by_shape
from descend.optim.optimizer import Optimizer, Options
from descend.optim.precision import wide_dtype
from descend.optim.rules.adam import adam


def square_zeros(parameter: Tensor, hyper: Mapping[str, Any], side: int) -> Tensor:
    """Return a zero matrix with as many rows as one side of the parameter; an empty one if that side is too long."""
    size = as_matrix(parameter).shape[side]
    size = size if size <= hyper["max_precond_dim"] else 0
    return parameter.new_zeros(size, size, dtype=wide_dtype(parameter.dtype))


LEFT, RIGHT = partial(square_zeros, side=0), partial(square_zeros, side=1)


def soap(
    theta, g, t, m=0.0, v=0.0, left=LEFT, right=RIGHT, q_left=LEFT, q_right=RIGHT,
    *, lr, beta1, beta2, eps, precondition_frequency, max_precond_dim,
):  # fmt: skip
    """Return the SOAP step and the new states (Vyas et al. 2024, Algorithm 3).

    m is the running mean of g, v that of the squared gradient in the eigenbasis, both of theta's shape. left and right
    are the running means of G·Gᵀ and Gᵀ·G, q_left and q_right their eigenvectors; an empty matrix replaces the
    identity. The first gradient only determines the eigenvectors, and its step is 0. So no gradient is projected on a
    basis that it has determined.
    """
    g, m, v, shape = as_matrix(g), as_matrix(m), as_matrix(v), theta.shape
    step = torch.zeros_like(g)
    if t > 1:
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * rotate(g, q_left, q_right) ** 2
        m_hat, v_hat = m / (1 - beta1 ** (t - 1)), v / (1 - beta2 ** (t - 1))
        step = -lr * rotate(rotate(m_hat, q_left, q_right) / (v_hat**0.5 + eps), q_left.mT, q_right.mT)
    left, right = (
        beta2 * mean + (1 - beta2) * outer if len(mean) else mean
        for mean, outer in ((left, g @ g.mT if len(left) else g), (right, g.mT @ g if len(right) else g))
    )
    if t == 1:
        q_left, q_right = eigenvectors(left), eigenvectors(right)
    elif t % precondition_frequency == 0:
        q_left, q_right = refined_eigenvectors(left, q_left), refined_eigenvectors(right, q_right)
    return step.reshape(shape), m.reshape(shape), v.reshape(shape), left, right, q_left, q_right


def rotate(matrix: Tensor, q_left: Tensor, q_right: Tensor) -> Tensor:
    """Return Q_Lᵀ·matrix·Q_R, where an empty Q replaces the identity."""
    matrix = q_left.mT @ matrix if len(q_left) else matrix
    return matrix @ q_right if len(q_right) else matrix


def eigenvectors(matrix: Tensor) -> Tensor:
    """Return the eigenvectors of a symmetric matrix as columns, those of the largest eigenvalues first.

    They are NaN if the matrix is not finite, because `torch.linalg.eigh` would raise an error within the step.
    """
    if not matrix.isfinite().all():
        return torch.full_like(matrix, torch.nan)
    return torch.linalg.eigh(_on_decomposition_device(matrix).double()).eigenvectors.flip(-1).to(matrix)


def refined_eigenvectors(matrix: Tensor, vectors: Tensor) -> Tensor:
    """Return better eigenvectors by one step of the power method and a QR decomposition (Vyas et al. 2024, Alg. 4)."""
    return torch.linalg.qr(_on_decomposition_device(matrix @ vectors)).Q.to(matrix) if len(matrix) else vectors


def _on_decomposition_device(matrix: Tensor) -> Tensor:
    """Return a matrix on the device that decomposes it: the CPU for MPS, which has neither float64 nor `eigh`."""
    return matrix.cpu() if matrix.is_mps else matrix


class SOAP(Optimizer):
    """SOAP (Vyas et al. 2024): AdamW in the eigenbasis of Shampoo's preconditioner, with AdamW itself for vectors.

    Use it for networks of large matrices. It often needs fewer steps than AdamW, but each of them takes longer.

    The first gradient only determines the eigenvectors: in the first step, matrices change by weight decay alone. The
    eigenvectors are refined every `precondition_frequency` steps. A side of a matrix longer than `max_precond_dim` is
    not rotated. A convolution's weight is a matrix with one row per output channel. Groups with
    ``"use_soap": False`` are updated by AdamW. Weight decay is decoupled.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    betas : tuple of float
        The decay factors of the running means of the gradient and of its square.
    eps : float
        A small number that is added to the denominator.
    weight_decay : float
        The coefficient of decoupled weight decay: each step shrinks θ by lr·weight_decay·θ.
    precondition_frequency : int
        The number of steps after which the eigenvectors are refined.
    max_precond_dim : int
        A side of a matrix that is longer than this is not rotated.
    use_soap : bool, optional
        Whether the matrices of the group are preconditioned. Vectors never are. Default: True.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = SOAP(model.parameters(), lr=3e-3)
    """

    # v is not called exp_avg_sq, because its axes are eigenvectors and not weights.
    names = {"m": "exp_avg", "v": "rotated_exp_avg_sq"}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 3e-3,
        betas: tuple[float, float] = (0.95, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        precondition_frequency: int = 10,
        max_precond_dim: int = 10_000,
        *,
        use_soap: bool | None = None,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "use_soap": use_soap}
        eigenbasis = {"precondition_frequency": precondition_frequency, "max_precond_dim": max_precond_dim}
        super().__init__(params, lr=lr, **chosen, **eigenbasis, **options)

    def split_group(self, group: Mapping[str, Any]) -> list[tuple[dict[str, Any], list[Tensor]]]:
        """Divide the parameters into those that are preconditioned and those that AdamW updates.

        Raises `ValueError` for matrices with `capturable`, because a step on the CPU decides when eigenvectors change.
        """
        parts = split_by_shape("SOAP", group, "use_soap")
        if group["capturable"] and any(part["use_soap"] for part, _ in parts):
            raise ValueError("SOAP does not support capturable: a CUDA graph cannot skip the update of eigenvectors")
        return parts

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of SOAP or of Adam."""
        return soap if group.get("use_soap") else adam

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return decoupled weight decay, as in AdamW."""
        return decoupled_decay

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the group's hyper-parameters by the names of its update rule."""
        return {**super().rule_hyperparameters(group), "bias_correction": True}
