"""α·λmax over the steps of a run: the number that stability bounds are about."""

from descend.doctor.record import Series


def times_rate(curvature: Series, rate: Series) -> Series:
    """Return α·λmax where λmax was measured, with the rate in force there; empty without a rate."""
    if not len(rate):
        return Series()
    return Series(curvature.steps, tuple(value * rate.at(max(step, rate.steps[0])) for step, value in curvature))
