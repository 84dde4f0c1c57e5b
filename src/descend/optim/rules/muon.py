"""Muon: momentum whose step for a matrix is replaced by the nearest orthogonal matrix."""

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.folds import decoupled_decay
from descend.optim.matrices import as_matrix, split_by_shape
from descend.optim.optimizer import Optimizer, Options
from descend.optim.rules.adam import adam

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic polynomial in Jordan et al. 2024


def muon(theta, g, t, b=0.0, *, lr, momentum, nesterov, ns_coefficients, ns_steps, eps, adjust_lr_fn):
    """Return the Muon step and the new momentum b, both of theta's shape (Jordan et al. 2024).

    As in torch.optim.Muon, b is a running mean; its scale does not change the step. The step's scale follows the
    matrix's shape: √max(1, rows/columns), or 0.2·√max(rows, columns) as in Liu et al. 2025, §2.2.
    """
    g, b = as_matrix(g), as_matrix(b)
    b = momentum * b + (1 - momentum) * g
    direction = momentum * b + (1 - momentum) * g if nesterov else b
    o = orthogonalise(direction, ns_coefficients, ns_steps, eps)
    rows, columns = o.shape
    is_original = adjust_lr_fn == "original"
    scale = max(1, rows / max(1, columns)) ** 0.5 if is_original else 0.2 * max(rows, columns) ** 0.5
    return -lr * scale * o.to(g.dtype).reshape(theta.shape), b.reshape(theta.shape)


def orthogonalise(g: Tensor, coefficients: tuple[float, float, float], steps: int, eps: float) -> Tensor:
    """Return about U·Vᵀ for g = U·S·Vᵀ of shape ``(rows, columns)``, in bfloat16 (NewtonSchulz5, Jordan et al. 2024).

    The iteration maps each singular value s to a·s + b·s³ + c·s⁵. After five steps, all are between about 0.7 and 1.2.
    """
    a, b, c = coefficients
    x = g.bfloat16()
    is_tall = x.shape[0] > x.shape[1]
    x = x.mT if is_tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x


class Muon(Optimizer):
    """Muon (Jordan et al. 2024) for matrices, with AdamW for vectors such as biases and gains.

    Use it for the hidden matrices of transformers and other large networks.

    A convolution's weight is a matrix with one row per output channel: as in the implementation of Liu et al. 2025, all
    dimensions but the first are flattened. So pass a stack of matrices, such as ``(experts, rows, columns)``, as one
    parameter per matrix, or with ``"use_muon": False``. Give embeddings and the output layer a group of
    their own with ``"use_muon": False``: AdamW updates them, as Jordan et al. 2024 advise. `adamw_betas` and
    `adamw_eps` are its settings. With `adjust_lr_fn="match_rms_adamw"` (Liu et al. 2025) one learning rate is suitable
    for both optimizers; with the default, that of Muon is usually larger. Weight decay is decoupled.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
    weight_decay : float
        The coefficient of decoupled weight decay: each step shrinks θ by lr·weight_decay·θ.
    momentum : float
        The decay factor of the running mean of the gradients, in [0, 1).
    nesterov : bool
        Whether Nesterov momentum is used.
    ns_coefficients : tuple of float
        The three coefficients of the Newton–Schulz iteration.
    eps : float
        The smallest norm by which a matrix is divided before the iteration.
    ns_steps : int
        The number of Newton–Schulz iterations.
    adjust_lr_fn : str, optional
        How the learning rate depends on a matrix's shape: "original" (the default) or "match_rms_adamw".
    adamw_betas : tuple of float
        The decay factors of AdamW, which updates vectors.
    adamw_eps : float
        The number that AdamW adds to the denominator.
    use_muon : bool, optional
        Whether Muon updates the matrices of the group. AdamW always updates vectors. Default: True.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Muon(model.parameters(), lr=1e-3, adjust_lr_fn="match_rms_adamw")
    """

    names = {"b": "momentum_buffer", "m": "exp_avg", "v": "exp_avg_sq"}
    pairs = {"adamw_betas": ("beta1", "beta2")}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = COEFFICIENTS,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
        *,
        adamw_betas: tuple[float, float] = (0.9, 0.95),
        adamw_eps: float = 1e-10,
        use_muon: bool | None = None,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"momentum": momentum, "nesterov": nesterov, "adjust_lr_fn": adjust_lr_fn, "use_muon": use_muon}
        newton_schulz = {"ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps}
        adamw = {"adamw_betas": adamw_betas, "adamw_eps": adamw_eps}
        super().__init__(params, lr=lr, weight_decay=weight_decay, **chosen, **newton_schulz, **adamw, **options)

    def check_group(self, group: Mapping[str, Any]) -> None:
        """Raise `ValueError` for coefficients that are not three finite numbers, or a momentum of 1."""
        coefficients, momentum = group["ns_coefficients"], group["momentum"]
        if not (
            isinstance(coefficients, tuple | list)
            and len(coefficients) == 3
            and all(isinstance(value, Real) and math.isfinite(value) for value in coefficients)
        ):
            raise ValueError(f"Muon: ns_coefficients must be three finite numbers, not {coefficients!r}")
        if not momentum < 1:  # b is a running mean, so that new gradients would have no weight
            raise ValueError(f"Muon: momentum must be in [0, 1), not {momentum}")

    def split_group(self, group: Mapping[str, Any]) -> list[tuple[dict[str, Any], list[Tensor]]]:
        """Divide the parameters into those that Muon updates and those that AdamW updates."""
        return split_by_shape("Muon", group, "use_muon")

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of Muon or of Adam."""
        return muon if group.get("use_muon") else adam

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return decoupled weight decay, as in Liu et al. 2025, §2.2."""
        return decoupled_decay

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the group's hyper-parameters by the names of its update rule."""
        known = super().rule_hyperparameters(group)
        if group.get("use_muon"):
            return {**known, "adjust_lr_fn": group["adjust_lr_fn"] or "original"}
        return {**known, "eps": group["adamw_eps"], "bias_correction": True}
