"""A change from one number to another in words."""

LEAST_DIGITS, MOST_DIGITS = 3, 7


def change_in_words(first: float, last: float) -> str:
    """Return `2.302 → 2.299`, with as many digits as show that the numbers differ; one number where they do not."""
    for digits in range(LEAST_DIGITS, MOST_DIGITS + 1):
        one, other = f"{first:.{digits}g}", f"{last:.{digits}g}"
        if one != other:
            return f"{one} → {other}"
    return f"{first:.{LEAST_DIGITS}g} throughout"
