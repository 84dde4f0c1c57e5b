"""A measured dose as it would be written by hand: 0.09, where the measurement said 0.0868."""


def one_digit(value: float) -> float:
    """Return `value` in one significant digit: it comes from a noisy measurement, and more would be false precision."""
    return float(f"{value:.0e}")
