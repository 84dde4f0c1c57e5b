"""Scaling of the learning rate with the batch size, up to the limit given by the curvature."""

import math
from typing import Literal

POWERS = {"linear": 1.0, "square_root": 0.5}


def scale_lr(
    lr: float,
    batch_size: int,
    reference_batch_size: int,
    by: Literal["linear", "square_root"] = "linear",
    largest_curvature: float | None = None,
) -> float:
    """Return a learning rate for `batch_size`, computed from `lr`, a good one for `reference_batch_size`.

    Parameters
    ----------
    lr : float
        A good learning rate for `reference_batch_size`.
    batch_size : int
        The number of examples in the new batches.
    reference_batch_size : int
        The number of examples in the batches for which `lr` is good.
    by : {"linear", "square_root"}
        "linear": each example moves the weights equally far (Goyal et al. 2017, §2.1). "square_root": the variance of
        the step's noise stays the same (Krizhevsky 2014).
    largest_curvature : float, optional
        The largest Hessian eigenvalue L, as measured by `descend.landscape.top_eigenpair`. The learning rate is then at
        most 1/L (Nesterov 2004, §1.2.3).

    Returns
    -------
    float
        The learning rate for `batch_size`.

    Raises
    ------
    ValueError
        For numbers that are not positive.
    """
    if by not in POWERS:
        raise ValueError(f"scale_lr: the argument by must be {' or '.join(POWERS)}, not {by!r}")
    given = {"lr": lr, "batch_size": batch_size, "reference_batch_size": reference_batch_size}
    given |= {} if largest_curvature is None else {"largest_curvature": largest_curvature}
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise ValueError(f"scale_lr: {name} must be a finite number above 0, not {value}")
    scaled = lr * (batch_size / reference_batch_size) ** POWERS[by]
    return min(scaled, 1 / largest_curvature) if largest_curvature else scaled
