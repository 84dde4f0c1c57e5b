"""Rounding of measured values to what a user would write by hand: 0.09 for a measured 0.0868."""


def round_to_one_digit(value: float) -> float:
    """Return the value rounded to one significant digit, because further digits would be noise."""
    return float(f"{value:.0e}")
