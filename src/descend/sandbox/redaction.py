"""Secrets taken out of command lines before these are kept or shown."""

import re
from collections.abc import Iterable

HIDDEN = "***"

_NAME = r"[\w.-]*(?:token|api[_-]?key|access[_-]?key|secret|passw(?:or)?d|passwd|passphrase|credential|auth)s?"
_FLAG = re.compile(rf"-{{1,2}}{_NAME}", re.IGNORECASE)
_ASSIGNED = re.compile(rf"((?:-{{1,2}}|\+)?(?:{_NAME}|key))=(.+)", re.IGNORECASE | re.DOTALL)
_HEADER = re.compile(rf"((?:{_NAME}|authorization)\s*:\s*).+", re.IGNORECASE | re.DOTALL)
_IN_URL = re.compile(r"(\w[\w+.-]*://)[^/@\s]*:[^/@\s]*@")
_TOKENS = re.compile(  # the prefixes by which services mark their own keys
    r"\b(?:(?:hf|gh[pousr]|npm|[sr]k_live|[sr]k_test)_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|sk-(?=[\w-]*\d)[\w-]{20,}|pypi-[\w-]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}"
    r"|ya29\.[\w-]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)
_COUNTED = re.compile(r"[\w.-]*tokens", re.IGNORECASE)  # a number of tokens is no secret
_NUMBER = re.compile(r"\d{1,9}(?:\.\d+)?")
_LONG_HEX = re.compile(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b", re.IGNORECASE)  # how experiment trackers write keys


def redact(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return the arguments with passwords, keys and tokens replaced by `***`."""
    shown: list[str] = []
    flag = ""
    for argument in arguments:
        if flag and not argument.startswith("-"):
            shown.append(_value(flag, argument))
            flag = ""
            continue
        flag = argument if _FLAG.fullmatch(argument) else ""
        shown.append(_redact(argument))
    return tuple(shown)


def _redact(argument: str) -> str:
    assigned = _ASSIGNED.fullmatch(argument)
    if assigned:
        return f"{assigned[1]}={_value(assigned[1], assigned[2])}"
    argument = _HEADER.sub(rf"\g<1>{HIDDEN}", argument)
    argument = _IN_URL.sub(rf"\g<1>{HIDDEN}@", argument)
    argument = _TOKENS.sub(HIDDEN, argument)
    return _LONG_HEX.sub(HIDDEN, argument)


def _value(name: str, value: str) -> str:
    return value if _COUNTED.fullmatch(name) and _NUMBER.fullmatch(value) else HIDDEN
