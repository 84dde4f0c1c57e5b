"""Text from elsewhere made safe for a terminal."""


def printable(text: str) -> str:
    """Return a text with its control characters escaped, which a terminal would obey."""
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)
