"""A learning rate for another batch size, and what the curvature allows."""

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
    """Return the rate for `batch_size` where `lr` was right for another one, at most 1/`largest_curvature`.

    `linear`: B times the batch, B times the rate, so that as many examples move the weights as far (Goyal et al.
    2017, §2.1). `square_root`: the step's noise keeps its variance (Krizhevsky 2014). Neither holds beyond what
    the curvature bears: 1/L, L the λmax of the Hessian (Nesterov 2004, §1.2.3), which
    `descend.landscape.top_eigenpair` measures. Raises `ValueError` for numbers that are not above 0.
    """
    if by not in POWERS:
        raise ValueError(f"scale_lr: by must be {' or '.join(POWERS)}, not {by!r}")
    given = {"lr": lr, "batch_size": batch_size, "reference_batch_size": reference_batch_size}
    given |= {} if largest_curvature is None else {"largest_curvature": largest_curvature}
    for name, value in given.items():
        if not 0 < value < math.inf:
            raise ValueError(f"scale_lr: {name} must be a finite number above 0, not {value}")
    scaled = lr * (batch_size / reference_batch_size) ** POWERS[by]
    return min(scaled, 1 / largest_curvature) if largest_curvature else scaled
