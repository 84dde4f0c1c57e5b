"""Escaping of control characters, which could move a terminal's cursor, set its title or reorder a line."""

import re

LONGEST_SHOWN = 40  # number of characters of an invalid value that an error message shows at most
# Characters that change the direction of the text (Unicode Standard Annex 9).
BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# The pattern matches control characters (ECMA-48) except tabs and line ends, direction changes and lone surrogates.
_CONTROL = re.compile(rf"(?!\r\n)[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{BIDIRECTIONAL}]")


def escape_control_characters(text: str) -> str:
    r"""Return the text with each control character replaced by a Python escape sequence such as `\x1b`."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shortened(text: str) -> str:
    """Return the start of a text, for use in a message: at most `LONGEST_SHOWN` characters, and `…` if it was cut."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def on_one_line(text: str) -> str:
    """Return the text as a single line: control characters and line ends are escaped."""
    return escape_control_characters(text).replace("\r", "\\r").replace("\n", "\\n")
