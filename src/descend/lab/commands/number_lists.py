"""Options that take several numbers, such as `--rates 1.5,2.5`."""

from descend.core.errors import UsageError


def read_numbers(option: str, text: str) -> list[float]:
    """Return the different numbers in the value of an option. Raise `UsageError` unless all are above 0."""
    try:
        numbers = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = [0.0]
    if not all(0 < number < 1e6 for number in numbers):
        raise UsageError(f"{option} must be numbers above 0, such as 1,1.5,2, not {text!r}")
    return list(dict.fromkeys(numbers))
