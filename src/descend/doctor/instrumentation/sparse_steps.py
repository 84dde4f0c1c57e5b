"""The sparse schedule of the measurements: the more steps a run has taken, the more steps are between two of them."""

GROWTH = 1.35  # factor by which the step number grows from one measured step to the next


def next_sparse_step(step: int) -> int:
    """Return the number of the step after `step` at which to measure next."""
    return max(step + 1, int(step * GROWTH + 0.999))
