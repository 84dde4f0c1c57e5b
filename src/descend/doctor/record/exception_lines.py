"""The line of a script's error output that names the exception."""

import re

_HEADER = re.compile(r"^.*Traceback \(most recent call last\):$", re.MULTILINE)
_FILE = re.compile(r"\s+File \"")  # the first line that Python prints for a SyntaxError without a traceback


def exception_line(error: str) -> str:
    """Return the line of a script's error output that names the exception and its message.

    Without a traceback, this is the last line of the output. "" is returned for an empty output.

    Of several tracebacks the last one counts: it ended the script, or one of its workers.
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
