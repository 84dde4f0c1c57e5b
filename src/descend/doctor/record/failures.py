"""Why a script has failed: the line of what it has said that names the exception."""

import re

_HEADER = re.compile(r"^.*Traceback \(most recent call last\):$", re.MULTILINE)
_FILE = re.compile(r"\s+File \"")  # what a SyntaxError begins with where it has no traceback


def cause_of(error: str) -> str:
    """Return the class of the exception and the first line of its message; without a traceback the last line.

    Of several tracebacks the last one counts: it is what ended the script, or what a worker of it has met.
    """
    headers = list(_HEADER.finditer(error))
    lines = [line for line in error[headers[-1].end() if headers else 0 :].splitlines() if line.strip()]
    if not lines:
        return ""
    if not headers and not _FILE.match(lines[0]):
        return lines[-1].strip()
    named = next((i for i, line in enumerate(lines) if not line[0].isspace()), len(lines) - 1)
    message = lines[named].strip()
    return " ".join([message, *(line.strip() for line in lines[named + 1 : named + 2] if message.endswith(":"))])
