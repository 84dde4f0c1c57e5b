"""The text for a change from one number to another."""

LEAST_DIGITS, MOST_DIGITS = 3, 7


def change_in_words(first: float, last: float) -> str:
    """Return a text that shows how a number changed, such as `2.302 → 2.299`, with enough digits to see the change.

    If the numbers are equal up to `MOST_DIGITS` digits, the text is `2.3 throughout`.
    """
    for digits in range(LEAST_DIGITS, MOST_DIGITS + 1):
        one, other = f"{first:.{digits}g}", f"{last:.{digits}g}"
        if one != other:
            return f"{one} → {other}"
    return f"{first:.{LEAST_DIGITS}g} throughout"
