"""Secrets known by how they are written: keys by their service's prefix, what stands in URLs, headers, assignments."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from descend.doctor.redaction.looks import is_number, is_random, is_switch, is_telling
from descend.doctor.redaction.names import is_likely, is_measure, is_password, is_sure

HIDDEN = "***"
LEAST_LIKELY = 8  # characters of one beside a name that may be another thing's
LEAST_BARE = 3  # characters of a value without quotes: `the secret: a word`

LEAST_CHANGES = 2  # between letters and digits: `python3`, `v2` and `token0` have one

_PRIVATE_KEY = re.compile(
    r"----[- ]BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-?----.*?(?:----[- ]END [A-Z0-9 ]*-?----|\Z)"
    r"|Private-Lines: \d+.*?(?:Private-MAC:|\Z)",
    re.DOTALL,
)
_CHANGES = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
_TOKENS = re.compile(  # the prefixes by which services mark their own keys
    r"\b(?:(?:hf|gh[pousr]|npm|[sr]k_live|[sr]k_test|whsec|dop_v1|r8|nvapi)_[A-Za-z0-9]{16,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|nvapi-[\w-]{20,}|xox[abeprs]-[\w-]{10,}|sk-(?=[\w-]*\d)[\w-]{20,}|pypi-[\w-]{20,}"
    r"|dckr_pat_[\w-]{16,}|dapi[0-9a-f]{32}|SG\.[\w-]{16,}\.[\w-]{16,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,}|GOCSPX-[\w-]{20,}|ya29\.[\w-]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)"
)
_BOT = re.compile(r"(?<!\d)\d{6,12}:AA[\w-]{30,}")  # of Telegram, which follows a word in its URLs
_SAID = re.compile(  # `invalid password hunter22 for root`, `<password>hunter22</password>`, `| password | hunter22 |`
    r"(?i:\b(?:api[ _-]?key|access[ _-]?token|auth[ _-]?token|pass(?:word|phrase|code)|passwd|token|secret)\b)"
    r"(?P<between>[^\n\w]{1,12}(?:(?:is|was|of|for|provided|given|[a-z]{1,12}) ?[^\n\w]{1,6}){0,2})"
    r"(?P<said>[\w!@#$%^&*+./=~-]{8,200})"
)
_DRAWN = re.compile(  # a key without a name; in a path, or said to be a digest, it is a file's or a commit's
    r"(?<![\w/+=-])(?<!sha1[:=])(?<!sha256[:=])(?<!md5[:=])(?<!commit )(?<!hash )[\w+=-]{24,}(?![\w/+=-]|\.\w)"
)
_DIGEST = re.compile(
    r"(?=\d*[a-fA-F])(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})"
)  # how experiment trackers write keys
_URL = re.compile(r"\b[A-Za-z][\w+.-]{1,30}://[^\s'\"<>`\\]{1,4000}")
_USER = re.compile(r"^(\w[\w+.-]*://)(?!git@)(?:[^/?#@]*:.*|[^/?#@]*)@")
_QUERY = re.compile(r"([?&;#])([\w.\[\]%-]+)=([^&;#]*)")
_HOOK = re.compile(r"^(\w[\w+.-]*://[^/]*)(/.*)", re.DOTALL)
_BEFORE = re.compile(r"(?:[+-](?![+-]))?[ \t]*")
_SEGMENT = re.compile(r"(?<=/)[^/?#]+")

_HEADER = re.compile(
    r"((?:authorization|x-[\w-]*(?:key|token|auth|secret)|api-key|cookie|set-cookie)"
    r"\\*+[\"']?+[ \t]*+[:=,][ \t]*+\\*+[\"']?+)"
    r"(?!\*\*\*)[^\"'\\\r\n]+",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"\b((?:Bearer|Basic)[ \t]+)(?=[\w+/.~-]*(?:[A-Z]|\d|=))[\w+/=.~-]{6,}")
_OF_PROGRAM = re.compile(  # `mysql -pPASSWORD`, `sshpass -p PASSWORD`, `curl -u USER:PASSWORD`, as words or as a list
    r"(\b(?:mysql\w*|mariadb\w*|sshpass)\b[^\n]{0,300}?[\"' ]-p[\"', ]*"
    r"|[\"' ](?:-u|--user|--proxy-user)[\"', =]+[\w.-]+:)"
    r"(?!\*\*\*)[^\s\"',]+"
)
_VALUE = (
    r"(?P<value>[rbfuRBFU]{0,2}(?P<quote>\\*(?:\"\"\"|'''|\"|'))(?P<inner>.{0,4000}?)(?P=quote)"
    r"|[^\s,;\"'(){}\[\]<>]+[^\s,;\"'{}<>]*)"
)
# A name begins where no word goes on. In a text that is kept as JSON the word may follow an escape: `\ntoken=`.
_START = r"(?:(?<![\w.\\])|(?<=\\[nrtfvb])|(?<=\\)(?![nrtfvbuxN\\]))"
_NAMED = re.compile(  # name = value, "name": "value", name='value', --name value
    rf"(?P<name>{_START}(?:--?[A-Za-z]|[A-Za-z_])[\w.-]{{0,80}})"
    r"(?P<sign>\\*[\"']?\]?[ \t]{0,4}(?::=|=>|[=:](?!=))[ \t]{0,4}|[ \t]"
    r"|[\"'][ \t]*,\s*(?:[a-z_]+=[\w.]+,\s*){0,4}(?:default=)?(?=[rbfu]?[\"']))" + _VALUE,  # "name", "value"
    re.DOTALL,
)
_ANNOTATED = re.compile(  # what follows the beginning of an annotation: of `token: dict[str, str] = value` from `,` on
    r"[\w.|\[\] \t]*(?:,[\w.|\[ \t]*\][\w.|\[\] \t]*)*=(?!=)[ \t]*" + _VALUE, re.DOTALL
)
_TYPES = re.compile(r"(?:str|bytes|int|float|bool|None|Any|Optional|Tensor|torch|typing|self|cls|lambda)\b")
_LOOKED_UP = re.compile(r"(?:os\.)?(?:environ|getenv)\b|[A-Za-z_][\w.]*[\[(]")


def mask_shapes(text: str) -> str:
    """Return a text of any kind with what is written as secrets are replaced by `***`; its lines stay as many."""
    text = _PRIVATE_KEY.sub(lambda found: hidden_lines(found[0]), text)
    text = _URL.sub(lambda found: mask_url(found[0]), text)
    text = _HEADER.sub(rf"\g<1>{HIDDEN}", text)
    text = _SCHEME.sub(rf"\g<1>{HIDDEN}", text)
    text = _OF_PROGRAM.sub(rf"\g<1>{HIDDEN}", text)
    text = _named(text)
    text = _TOKENS.sub(HIDDEN, _BOT.sub(HIDDEN, text))
    text = _SAID.sub(_mask_said, text)
    return _DRAWN.sub(_mask_drawn, text)


def named_values(text: str) -> list[tuple[str, str]]:
    """Return the names and values of a source's, or a settings file's, assignments whose names are secrets'."""
    return [(found.name, found.value) for found in _assignments(text) if found.holds_a_secret]


def mask_url(url: str) -> str:
    """Return a URL without its user and password, its query's secrets, and the keys that stand in its path."""
    url = _USER.sub(rf"\g<1>{HIDDEN}@", url)
    url = _QUERY.sub(_mask_query, url)
    if hook := _HOOK.match(url):
        if "hook" in url.lower().replace(HIDDEN, ""):
            return f"{hook[1]}/{HIDDEN}"
        path = _SEGMENT.sub(lambda part: HIDDEN if is_random(part[0]) else part[0], hook[2])
        return hook[1] + path
    return url


def hidden_lines(text: str) -> str:
    """Return as many lines as `text` has, all hidden; where they are a patch's, or indented, they stay so."""
    return "\n".join(_BEFORE.match(line)[0] + HIDDEN for line in text.split("\n"))  # type: ignore[index]


def _mask_query(found: re.Match[str]) -> str:
    mark, name, value = found.groups()
    is_secret = is_likely(name) or is_random(value) or name.lower() in ("code", "state")
    return f"{mark}{name}={HIDDEN}" if is_secret and value else found[0]


def _mask_said(found: re.Match[str]) -> str:
    """Hide what a sentence or a table has next to a secret's name, where letters and digits are mixed in it."""
    said = found["said"].rstrip(".")
    is_secret = is_telling(said) and len(_CHANGES.findall(said)) >= LEAST_CHANGES and not _LOOKED_UP.match(said)
    return found[0].replace(said, HIDDEN) if is_secret else found[0]


def _mask_drawn(found: re.Match[str]) -> str:
    return HIDDEN if is_random(found[0]) or _DIGEST.fullmatch(found[0]) else found[0]


@dataclass(frozen=True)
class _Assignment:
    """A value that a text gives to a name which may be that of a secret."""

    name: str
    value: str
    start: int  # of the value in the text
    is_quoted: bool
    is_spaced: bool = False  # only a space is between them: `--password value`

    @property
    def holds_a_secret(self) -> bool:
        return _hides(self.name, self.value, quoted=self.is_quoted)

    @property
    def must_be_masked(self) -> bool:
        """Whether the value is a secret that has not been masked yet."""
        is_option = self.name.startswith("--") and (is_telling(self.value) or is_random(self.value))
        return (is_option or not self.is_spaced) and not _is_masked(self.value) and self.holds_a_secret


def _named(text: str) -> str:
    pieces, end = [], 0
    for found in _assignments(text):
        if found.must_be_masked:
            pieces += [text[end : found.start], hidden_lines(found.value)]
            end = found.start + len(found.value)
    return "".join([*pieces, text[end:]])


def _assignment(name: str, match: re.Match[str], *, is_spaced: bool = False) -> _Assignment:
    """Return a match's value without its quotes, or without the brackets that close after it."""
    if match["inner"] is not None:
        return _Assignment(name, match["inner"], match.start("inner"), True, is_spaced)
    return _Assignment(name, match["value"].rstrip(")]`.:"), match.start("value"), False, is_spaced)


def _is_masked(value: str) -> bool:
    return value == HIDDEN or value.startswith(HIDDEN + "&")


def _assignments(text: str) -> Iterator[_Assignment]:
    """Yield what is named like a secret and given a value, in order.

    Of `name: a = b` that is `b`, and `a`, too: whether `a` is a type or the value of a setting, the text does not say.
    """
    start = 0
    while match := _NAMED.search(text, start):
        name = match["name"]
        if not is_likely(name):
            start = match.end("name")
            continue
        first = _assignment(name, match, is_spaced=match["sign"].isspace())
        after = match.start("value") if match["inner"] is None else match.end()
        second = _ANNOTATED.match(text, after) if ":" in match["sign"] else None
        if second is None or second.start("value") >= match.end():
            yield first
        if second is not None:
            yield _assignment(name, second)
        start = second.end() if second is not None else match.end()


def _hides(name: str, value: str, *, quoted: bool) -> bool:
    """Whether a value beside a secret's name is one: an expression, a type, a number of tokens is not."""
    if not value or is_switch(value) or (is_number(value) and (is_measure(name) or not is_sure(name))):
        return False
    if not quoted and (_TYPES.match(value) or _LOOKED_UP.match(value) or value == name or len(value) < LEAST_BARE):
        return False
    if is_sure(name):
        return True
    if is_password(name) and quoted:
        return True
    if is_password(name) or name.lower().endswith("token"):
        return is_telling(value) or is_random(value)
    is_key = quoted or not name.lower().endswith("key")  # of a dictionary
    return is_random(value) or (is_key and is_telling(value) and value.isalnum() and len(value) >= LEAST_LIKELY)
