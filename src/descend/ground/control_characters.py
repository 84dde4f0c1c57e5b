"""Control characters made visible: in a terminal they move the cursor, set its title or reorder the line."""

import re

LONGEST_SHOWN = 40  # characters of a value that is refused
BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # Unicode Standard Annex 9
# C0 but for tabs and line ends, DEL, C1 (ECMA-48), halves of surrogate pairs, which no stream can encode
_CONTROL = re.compile(rf"(?!\r\n)[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff{BIDIRECTIONAL}]")


def escaped(text: str) -> str:
    r"""Return the text with each control character written as Python writes it in a literal: `\x1b`."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def shortened(text: str) -> str:
    """Return a text for a message, cut to `LONGEST_SHOWN` characters."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def on_one_line(text: str) -> str:
    """Return the text with line ends escaped, too."""
    return escaped(text).replace("\r", "\\r").replace("\n", "\\n")
