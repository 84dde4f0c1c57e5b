"""What a value looks like by itself: a number, a word, or something that nobody would choose."""

import re

LEAST_RANDOM = 24  # characters in one piece; what is shorter may be the name of a model
# Changes between small letters, capitals and digits, to each character. Of the 56,500 words of 20 characters and more
# in the sources of torch, transformers, scikit-learn and lightning 55 reach it, most of them keys of files on a drive;
# of 32 random characters 97 % do in base 62, 96 % in hexadecimal, 85 % in small letters and digits.
RANDOM_CHANGES = 0.34
_PIECES = re.compile(r"[A-Za-z0-9+]+")
_RUNS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+|\+")
_NUMBER = re.compile(
    r"[-+]?(?:\d[\d_]{0,11}(?:\.\d{0,12})?|\.\d{1,12})(?:e[-+]?\d{1,3})?|0x[0-9a-f]{1,8}|[-+]?(?:inf(?:inity)?|nan)",
    re.IGNORECASE,
)
_SWITCHES = frozenset("true false yes no on off none null".split())


def is_number(text: str) -> bool:
    """Whether it is a number of at most twelve digits; more of them are an account's or a card's."""
    return _NUMBER.fullmatch(text) is not None


def is_switch(text: str) -> bool:
    """Whether it is a boolean, or no value at all."""
    return text.lower() in _SWITCHES


def is_random(text: str) -> bool:
    """Whether a piece of it has been drawn, and not written: a key, a digest."""
    return any(_is_random(piece) for piece in _PIECES.findall(text) if len(piece) >= LEAST_RANDOM)


def is_telling(text: str) -> bool:
    """Whether it is no ordinary word: letters among digits, or signs that words do not have."""
    letters, digits = any(c.isalpha() for c in text), any(c.isdigit() for c in text)
    signs = any(not c.isalnum() and c not in "_-. <>[]()/:" for c in text)
    return len(text) >= 6 and letters and (digits or signs)


def _is_random(piece: str) -> bool:
    letters = sum(c.isalpha() for c in piece)
    if letters < 2 or len(piece) - letters < 2:
        return False
    return len(_RUNS.findall(piece)) >= RANDOM_CHANGES * len(piece)
