"""Classify a value by its characters alone: a number, a word, or a randomly generated string."""

import re

LEAST_RANDOM = 24  # A string with fewer characters does not count as random, because it may be the name of a model.
# In a random string, at least this fraction of the characters begin a new run of letters or of digits.
# Only 55 of the 56,500 long words in the sources of torch, transformers, scikit-learn and lightning reach this value.
# Of random strings of 32 characters, 97 % reach it in base 62, 96 % in hexadecimal and 85 % in base 36.
RANDOM_CHANGES = 0.34
_PIECES = re.compile(r"[A-Za-z0-9+]+")
_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+|\+")
_NUMBER = re.compile(
    r"[-+]?(?:\d[\d_]{0,11}(?:\.\d{0,12})?|\.\d{1,12})(?:e[-+]?\d{1,3})?|0x[0-9a-f]{1,8}|[-+]?(?:inf(?:inity)?|nan)",
    re.IGNORECASE,
)
_SWITCHES = frozenset("true false yes no on off none null".split())


def is_number(text: str) -> bool:
    """Return whether a text is a number of at most twelve digits; a longer number may be that of a bank account."""
    return _NUMBER.fullmatch(text) is not None


def is_boolean_or_none(text: str) -> bool:
    """Return whether a text is a boolean such as `yes` or `off`, or `none`."""
    return text.lower() in _SWITCHES


def is_random(text: str) -> bool:
    """Return whether any part of the text looks randomly generated, as a key or a digest does."""
    return any(_changes_kind_often(piece) for piece in _PIECES.findall(text) if len(piece) >= LEAST_RANDOM)


def looks_like_password(text: str) -> bool:
    """Return whether a text has at least six characters and mixes letters with digits or with unusual signs."""
    letters, digits = any(c.isalpha() for c in text), any(c.isdigit() for c in text)
    signs = any(not c.isalnum() and c not in "_-. <>[]()/:" for c in text)
    return len(text) >= 6 and letters and (digits or signs)


def _changes_kind_often(piece: str) -> bool:
    """Return whether a string changes between lower case, upper case and digits as often as a random string."""
    letters = sum(c.isalpha() for c in piece)
    if letters < 2 or len(piece) - letters < 2:
        return False
    return len(_RUNS.findall(piece)) >= RANDOM_CHANGES * len(piece)
