"""α·λmax over the steps of a run: the number that stability bounds are about."""

from bisect import bisect_right

from descend.record import Series


def times_rate(curvature: Series, rate: Series) -> Series:
    """Return α·λmax where λmax was measured, with the rate in force there; empty without a rate."""
    if not len(rate):
        return Series()
    in_force = (max(bisect_right(rate.steps, step) - 1, 0) for step in curvature.steps)
    values = tuple(value * rate.values[i] for value, i in zip(curvature.values, in_force))
    return Series(curvature.steps, values)
