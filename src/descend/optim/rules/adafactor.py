"""Adafactor: Adam without momentum whose running mean square of a matrix is stored as row and column means."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

import torch
from torch import Tensor

from descend.optim.matrices import root_mean_square, split_by_shape
from descend.optim.optimizer import Optimizer, Options
from descend.optim.precision import wide_dtype
from descend.optim.vocabulary import maximum, minimum

SMALLEST_SQUARE = 1e-30  # ε₁ in Shazeer & Stern 2018, Algorithm 6


def row_zeros(parameter: Tensor, hyper: Mapping[str, Any]) -> Tensor:
    """Return zeros for the row means of a parameter ``(…, rows, columns)``, of shape ``(…, rows, 1)``."""
    return _wide_zeros_like(parameter[..., :1])


def column_zeros(parameter: Tensor, hyper: Mapping[str, Any]) -> Tensor:
    """Return zeros for the column means of a parameter ``(…, rows, columns)``, of shape ``(…, 1, columns)``."""
    return _wide_zeros_like(parameter[..., :1, :])


def element_zeros(parameter: Tensor, hyper: Mapping[str, Any]) -> Tensor:
    """Return zeros for the mean squares of all elements of a parameter, of the parameter's shape."""
    return _wide_zeros_like(parameter)


def adafactor(theta, g, t, row=row_zeros, column=column_zeros, *, lr, beta2_decay, eps1, eps2, d, weight_decay):
    """Return the Adafactor step of a matrix and the new row and column means of g² (Shazeer & Stern 2018, Algorithm 4).

    The paper stores sums, R and C. With means, V̂ = R·C / (1ᵀR) is row·column / mean(row).
    """
    if not isinstance(theta, Tensor):
        raise TypeError("it stores means of rows and columns")
    beta2 = 1 - t**beta2_decay  # β̂₂ of section 7.2
    square = g**2 + eps1
    row = beta2 * row + (1 - beta2) * square.mean(-1, keepdim=True)
    column = beta2 * column + (1 - beta2) * square.mean(-2, keepdim=True)
    # Each root is taken separately, because the product of two means near eps1 is too small for float32.
    root = (row / row.mean(-2, keepdim=True)) ** 0.5 * column**0.5
    return relative_step(theta, g / root, t, lr=lr, eps2=eps2, d=d, weight_decay=weight_decay), row, column


def adafactor_of_vector(theta, g, t, v=element_zeros, *, lr, beta2_decay, eps1, eps2, d, weight_decay):
    """Return the Adafactor step and the new mean of g², both of theta's shape (Shazeer & Stern 2018, Algorithm 5)."""
    if not isinstance(theta, Tensor):
        raise TypeError("it uses the mean square of a tensor")
    beta2 = 1 - t**beta2_decay
    v = beta2 * v + (1 - beta2) * (g**2 + eps1)
    return relative_step(theta, g / v**0.5, t, lr=lr, eps2=eps2, d=d, weight_decay=weight_decay), v


def relative_step(theta, u, t, *, lr, eps2, d, weight_decay):
    """Return the step along −u: u is clipped to root mean square d, and scaled to that of theta.

    This is the end of Algorithms 4 and 5, with ρ = min(lr, 1/√t) (Shazeer & Stern 2018, Algorithm 6).
    """
    alpha = maximum(root_mean_square(theta), eps2) * minimum(lr, 1 / t**0.5)
    decayed = theta * (1 - lr * weight_decay)  # This order rounds as torch does.
    return (decayed - theta) - alpha * u / maximum(root_mean_square(u) / d, 1.0)


def _wide_zeros_like(tensor: Tensor) -> Tensor:
    """Return zeros of a tensor's shape in at least 32 bits, because β₂ approaches 1 and 16 bits would not change."""
    return torch.zeros_like(tensor, dtype=wide_dtype(tensor.dtype), memory_format=torch.contiguous_format)


class Adafactor(Optimizer):
    """Adafactor (Shazeer & Stern 2018): Adam's scaling with two vectors of state for a matrix, and relative step sizes.

    Use it if Adam's states do not fit into memory.

    The step is at most min(lr, 1/√t) times the root mean square of the weights, where t is the step number. Groups with
    ``"factored": False`` store the whole mean square. The mean squares of 16-bit parameters are stored in float32.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The largest relative step: the step is at most `lr` times the root mean square of the weights.
    beta2_decay : float
        The exponent of the decay factor of the mean squares: β₂ = 1 − t^beta2_decay.
    eps : tuple of float
        ε₁, which is added to the squared gradients, and ε₂, the smallest scale of a step (Algorithm 6). None for ε₁
        is the paper's 1e-30.
    d : float
        The largest root mean square of an update before it is scaled by the step size.
    weight_decay : float
        The coefficient of decoupled weight decay: each step shrinks θ by lr·weight_decay·θ.
    factored : bool, optional
        Whether matrices store row and column means. Vectors always store the whole mean square. Default: True.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).

    Examples
    --------
    >>> optimizer = Adafactor(model.parameters(), lr=1e-2)
    """

    names = {"row": "row_var", "column": "col_var", "v": "variance"}
    pairs = {"eps": ("eps1", "eps2")}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        factored: bool | None = None,
        **options: Unpack[Options],
    ) -> None:
        chosen = {"beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay, "factored": factored}
        super().__init__(params, lr=lr, **chosen, **options)

    def check_group(self, group: Mapping[str, Any]) -> None:
        """Raise `ValueError` for a clipping threshold d below 1."""
        if not group["d"] >= 1:
            raise ValueError(f"Adafactor: d must be a number of at least 1, not {group['d']}")

    def split_group(self, group: Mapping[str, Any]) -> list[tuple[dict[str, Any], list[Tensor]]]:
        """Divide the parameters into those with row and column means and those with a mean for each element."""
        return split_by_shape("Adafactor", group, "factored")

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of matrices or of vectors."""
        return adafactor if group.get("factored") else adafactor_of_vector

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the identity function, because both rules include torch's decoupled weight decay."""
        return lambda rule: rule

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the group's hyper-parameters, with the paper's ε₁ instead of None."""
        known = super().rule_hyperparameters(group)
        return {**known, "eps1": SMALLEST_SQUARE if known.get("eps1") is None else known["eps1"]}
