"""Mask secrets by their format: keys with a service's prefix, and values in URLs, headers and assignments."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from descend.doctor.redaction.looks import is_boolean_or_none, is_number, is_random, looks_like_password
from descend.doctor.redaction.names import (
    is_password_abbreviation,
    is_quantity_name,
    is_secret_name,
    may_be_secret_name,
)

HIDDEN = "***"  # the text that replaces a secret
LEAST_LIKELY = 8  # After an ambiguous name such as `key`, a value with fewer characters is not a secret.
LEAST_BARE = 3  # An unquoted value with fewer characters is not a secret, such as `a` in `the secret: a word`.
LEAST_CHANGES = 2  # A secret in a sentence changes this often between letters and digits; `python3` changes once.

_PRIVATE_KEY = re.compile(
    r"----[- ]BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-?----.*?(?:----[- ]END [A-Z0-9 ]*-?----|\Z)"
    r"|Private-Lines: \d+.*?(?:Private-MAC:|\Z)",
    re.DOTALL,
)
_CHANGES = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_TOKENS = re.compile(  # Access keys of well-known services begin with these prefixes.
    r"\b(?:(?:hf|gh[pousr]|npm|[sr]k_live|[sr]k_test|whsec|dop_v1|r8|nvapi)_[A-Za-z0-9]{16,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|nvapi-[\w-]{20,}|xox[abeprs]-[\w-]{10,}|sk-(?=[\w-]*\d)[\w-]{20,}|pypi-[\w-]{20,}"
    r"|dckr_pat_[\w-]{16,}|dapi[0-9a-f]{32}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)
_BOT = re.compile(r"(?<!\d)\d{6,12}:AA[\w-]{30,}")  # the key of a Telegram bot; in URLs, `bot` precedes it
# A secret after its name, as in `invalid password hunter22 for root` or `<password>hunter22</password>`.
_DESCRIBED = re.compile(
    r"(?i:\b(?:api[ _-]?key|access[ _-]?token|auth[ _-]?token|pass(?:word|phrase|code)|passwd|token|secret)\b)"
    r"(?P<between>[^\n\w]{1,12}(?:(?:is|was|of|for|provided|given|[a-z]{1,12}) ?[^\n\w]{1,6}){0,2})"
    r"(?P<said>[\w!@#$%^&*+./=~-]{8,200})"
)
_RANDOM_KEY = re.compile(  # a random key without a name, but not in a path or after `sha1`, where it is a digest
    r"(?<![\w/+=-])(?<!sha1[:=])(?<!sha256[:=])(?<!md5[:=])(?<!commit )(?<!hash )[\w+=-]{24,}(?![\w/+=-]|\.\w)"
)
# A hexadecimal string of this length may be the key of an experiment tracker.
_DIGEST = re.compile(r"(?=\d*[a-fA-F])(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
_URL = re.compile(r"\b[A-Za-z][\w+.-]{1,30}://[^\s'\"<>`\\]{1,4000}")
_USER = re.compile(r"^(\w[\w+.-]*://)(?!git@)(?:[^/?#@]*:.*|[^/?#@]*)@")
_QUERY = re.compile(r"([?&;#])([\w.\[\]%-]+)=([^&;#]*)")
_HOOK = re.compile(r"^(\w[\w+.-]*://[^/]*)(/.*)", re.DOTALL)
_LINE_START = re.compile(r"(?:[+-](?![+-]))?[ \t]*")
_SEGMENT = re.compile(r"(?<=/)[^/?#]+")

_HEADER = re.compile(
    r"((?:authorization|x-[\w-]*(?:key|token|auth|secret)|api-key|cookie|set-cookie)"
    r"\\*+[\"']?+[ \t]*+[:=,][ \t]*+\\*+[\"']?+)"
    r"(?!\*\*\*)[^\"'\\\r\n]+",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(r"\b((?:Bearer|Basic)[ \t]+)(?=[\w+/.~-]*(?:[A-Z]|\d|=))[\w+/=.~-]{6,}")
# A password in a command such as `mysql -pPASSWORD`, `sshpass -p PASSWORD` or `curl -u USER:PASSWORD`.
_PROGRAM_PASSWORD = re.compile(
    r"(\b(?:mysql\w*|mariadb\w*|sshpass)\b[^\n]{0,300}?[\"' ]-p[\"', ]*"
    r"|[\"' ](?:-u|--user|--proxy-user)[\"', =]+[\w.-]+:)"
    r"(?!\*\*\*)[^\s\"',]+"
)
_VALUE = (
    r"(?P<value>[rbfuRBFU]{0,2}(?P<quote>\\*(?:\"\"\"|'''|\"|'))(?P<inner>.{0,4000}?)(?P=quote)"
    r"|[^\s,;\"'(){}\[\]<>]+[^\s,;\"'{}<>]*)"
)
# A name begins at the start of a word. In JSON, the word may follow an escape sequence, as in `\ntoken=`.
_START = r"(?:(?<![\w.\\])|(?<=\\[nrtfvb])|(?<=\\)(?![nrtfvbuxN\\]))"
_NAMED = re.compile(  # A name and its value, as in name = value, "name": "value" or --name value.
    rf"(?P<name>{_START}(?:--?[A-Za-z]|[A-Za-z_])[\w.-]{{0,80}})"
    r"(?P<sign>\\*[\"']?\]?[ \t]{0,4}(?::=|=>|[=:](?!=))[ \t]{0,4}|[ \t]"
    r"|[\"'][ \t]*,\s*(?:[a-z_]+=[\w.]+,\s*){0,4}(?:default=)?(?=[rbfu]?[\"']))" + _VALUE,  # "name", "value"
    re.DOTALL,
)
# Matches the rest of a type annotation and the value, such as `, str] = x` in `token: dict[str, str] = x`.
_ANNOTATED = re.compile(r"[\w.|\[\] \t]*(?:,[\w.|\[ \t]*\][\w.|\[\] \t]*)*=(?!=)[ \t]*" + _VALUE, re.DOTALL)
_TYPES = re.compile(r"(?:str|bytes|int|float|bool|None|Any|Optional|Tensor|torch|typing|self|cls|lambda)\b")
_EXPRESSION = re.compile(r"(?:os\.)?(?:environ|getenv)\b|[A-Za-z_][\w.]*[\[(]")


def mask_by_format(text: str) -> str:
    """Return the text with `***` in place of strings in the format of a secret. The number of lines is kept."""
    text = _PRIVATE_KEY.sub(lambda found: hide_lines(found[0]), text)
    text = _URL.sub(lambda found: mask_url(found[0]), text)
    text = _HEADER.sub(rf"\g<1>{HIDDEN}", text)
    text = _AUTHORIZATION.sub(rf"\g<1>{HIDDEN}", text)
    text = _PROGRAM_PASSWORD.sub(rf"\g<1>{HIDDEN}", text)
    text = _mask_assignments(text)
    text = _TOKENS.sub(HIDDEN, _BOT.sub(HIDDEN, text))
    text = _DESCRIBED.sub(_mask_word_after_name, text)
    return _RANDOM_KEY.sub(_mask_if_random, text)


def assigned_secrets(text: str) -> list[tuple[str, str]]:
    """Return each secret that the text of a source or settings file assigns to a name, as pairs of name and secret."""
    return [(found.name, found.value) for found in _possible_secret_assignments(text) if found.holds_a_secret]


def mask_url(url: str) -> str:
    """Return a URL with its user name, its password, and the secrets in its query and path masked."""
    url = _USER.sub(rf"\g<1>{HIDDEN}@", url)
    url = _QUERY.sub(_mask_query_parameter, url)
    if hook := _HOOK.match(url):
        if "hook" in url.lower().replace(HIDDEN, ""):
            return f"{hook[1]}/{HIDDEN}"
        path = _SEGMENT.sub(lambda part: HIDDEN if is_random(part[0]) else part[0], hook[2])
        return hook[1] + path
    return url


def hide_lines(text: str) -> str:
    """Return the text with `***` in place of the content of each line. Indentation and the sign of a diff are kept."""
    return "\n".join(_LINE_START.match(line)[0] + HIDDEN for line in text.split("\n"))  # type: ignore[index]


def _mask_query_parameter(found: re.Match[str]) -> str:
    """Return a parameter of a URL's query, such as `?token=…`, with its value masked if it may be a secret."""
    mark, name, value = found.groups()
    is_secret = may_be_secret_name(name) or is_random(value) or name.lower() in ("code", "state")
    return f"{mark}{name}={HIDDEN}" if is_secret and value else found[0]


def _mask_word_after_name(found: re.Match[str]) -> str:
    """Return a matched text, such as `password hunter22`, with `***` for the word if it mixes letters and digits."""
    said = found["said"].rstrip(".")
    is_secret = (
        looks_like_password(said) and len(_CHANGES.findall(said)) >= LEAST_CHANGES and not _EXPRESSION.match(said)
    )
    return found[0].replace(said, HIDDEN) if is_secret else found[0]


def _mask_if_random(found: re.Match[str]) -> str:
    """Return `***` if the matched string looks randomly generated; otherwise return the string itself."""
    return HIDDEN if is_random(found[0]) or _DIGEST.fullmatch(found[0]) else found[0]


@dataclass(frozen=True)
class _Assignment:
    """A value that a text assigns to a name, which may be the name of a secret."""

    name: str
    value: str
    start: int  # position of the value's first character in the text
    is_quoted: bool
    is_spaced: bool = False  # whether only a space separates name and value, as in `--password value`

    @property
    def holds_a_secret(self) -> bool:
        """Return whether the assigned value is a secret. Its name, its quotes and its characters decide."""
        return _is_secret_value(self.name, self.value, quoted=self.is_quoted)

    @property
    def must_be_masked(self) -> bool:
        """Return whether the assigned value is a secret that has not been replaced by `***` yet."""
        is_option = self.name.startswith("--") and (looks_like_password(self.value) or is_random(self.value))
        return (is_option or not self.is_spaced) and not _is_masked(self.value) and self.holds_a_secret


def _mask_assignments(text: str) -> str:
    """Return the text with `***` in place of each secret that the text assigns to a name."""
    pieces, end = [], 0
    for found in _possible_secret_assignments(text):
        if found.must_be_masked:
            pieces += [text[end : found.start], hide_lines(found.value)]
            end = found.start + len(found.value)
    return "".join([*pieces, text[end:]])


def _assignment_of_match(name: str, match: re.Match[str], *, is_spaced: bool = False) -> _Assignment:
    """Return the assignment in a regular expression's match, without quotes or closing brackets around the value."""
    if match["inner"] is not None:
        return _Assignment(name, match["inner"], match.start("inner"), True, is_spaced)
    return _Assignment(name, match["value"].rstrip(")]`.:"), match.start("value"), False, is_spaced)


def _is_masked(value: str) -> bool:
    """Return whether a value has already been replaced by `***`."""
    return value == HIDDEN or value.startswith(HIDDEN + "&")


def _possible_secret_assignments(text: str) -> Iterator[_Assignment]:
    """Yield, in order, the assignments in a text whose name may be that of a secret, such as `token = ...`.

    `name: a = b` gives both `a` and `b`, because the text does not show whether `a` is a type or a setting's value.
    """
    start = 0
    while match := _NAMED.search(text, start):
        name = match["name"]
        if not may_be_secret_name(name):
            start = match.end("name")
            continue
        first = _assignment_of_match(name, match, is_spaced=match["sign"].isspace())
        after = match.start("value") if match["inner"] is None else match.end()
        second = _ANNOTATED.match(text, after) if ":" in match["sign"] else None
        if second is None or second.start("value") >= match.end():
            yield first
        if second is not None:
            yield _assignment_of_match(name, second)
        start = second.end() if second is not None else match.end()


def _is_secret_value(name: str, value: str, *, quoted: bool) -> bool:
    """Return whether a value is a secret, given its name, and not an expression, a type or a number of tokens."""
    if (
        not value
        or is_boolean_or_none(value)
        or (is_number(value) and (is_quantity_name(name) or not is_secret_name(name)))
    ):
        return False
    if not quoted and (_TYPES.match(value) or _EXPRESSION.match(value) or value == name or len(value) < LEAST_BARE):
        return False
    if is_secret_name(name):
        return True
    if is_password_abbreviation(name) and quoted:
        return True
    if is_password_abbreviation(name) or name.lower().endswith("token"):
        return looks_like_password(value) or is_random(value)
    # The unquoted value of a name such as `sort_key` may be the key of a dictionary, not a secret.
    is_key = quoted or not name.lower().endswith("key")
    return is_random(value) or (
        is_key and looks_like_password(value) and value.isalnum() and len(value) >= LEAST_LIKELY
    )
