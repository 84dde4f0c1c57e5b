"""The redactor that masks every text before it is stored and before it is shown.

It masks the values of environment variables whose names are those of secrets, values passed to
`remember_secrets`, and strings in the format of a secret. Masking a text twice gives the same text.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from html import escape
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus, unquote, urlsplit

from descend.doctor.redaction.looks import is_boolean_or_none, is_number, is_random, looks_like_password
from descend.doctor.redaction.names import may_be_secret_name
from descend.doctor.redaction.services import mask_services
from descend.doctor.redaction.shapes import HIDDEN, mask_by_format

LEAST = 6  # Texts are not searched for a secret with fewer characters, because it may be part of another word.
LEAST_WORD = 8  # A secret that is a word or a number is searched for only if it has at least this length.
PASSES = 4  # A text is masked at most this many times, because masking one secret can reveal another.
URL_SAFE = str.maketrans("+/", "-_")  # URL-safe base 64 replaces + and / in this way (RFC 4648, section 5).
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")  # a SHA-256 digest of model weights, which is not a secret
_PASSWORD = re.compile(r"\w[\w+.-]*://[^:/?#@\s]*:(.+)@")  # the password of a URL, which may contain unescaped slashes

T = TypeVar("T")


class Redactor:
    """Replaces secrets in texts by `***`: secrets that it was given, and strings in the format of a secret."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._known = frozenset[str]()
        self._values: re.Pattern[str] | None = None
        self._words: re.Pattern[str] | None = None
        self._cached = lru_cache(maxsize=4096)(self._mask_repeatedly)
        self.remember_secrets(_environment_secrets(environment))

    def remember_secrets(self, values: Iterable[str]) -> None:
        """Mask the given secrets from now on, also where they are quoted, escaped or encoded in base 64."""
        found = {form for value in values for part in _secret_parts(value) for form in _spellings(part)}
        if found <= self._known:
            return
        self._known |= found
        longest_first = sorted(self._known, key=lambda value: (-len(value), value))
        self._values = _join_patterns([re.escape(value) for value in longest_first if not _is_word_or_number(value)])
        self._words = _join_patterns(
            [_whole_word_pattern(value) for value in longest_first if _is_word_or_number(value)]
        )
        self._cached.cache_clear()

    def mask_secrets(self, text: str) -> str:
        """Return the text with its secrets replaced by `***`; the number of lines does not change."""
        return self._cached(text) if text else text

    def mask_secrets_in(self, value: T) -> T:
        """Return a copy of a JSON value, or of a dataclass of such values, with every string in it masked."""
        return self._mask_any_value(value)

    def _mask_any_value(self, value: Any) -> Any:
        """Return a copy of a value of any type with every string in it masked."""
        if isinstance(value, str):
            return value if _FINGERPRINT.fullmatch(value) else self.mask_secrets(value)
        if isinstance(value, Mapping):
            return {self._mask_any_value(key): self._mask_mapping_value(key, entry) for key, entry in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
            return type(value)(self._mask_any_value(entry) for entry in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{f.name: self._mask_any_value(getattr(value, f.name)) for f in fields(value) if f.init}
            )
        return value

    def _mask_mapping_value(self, key: Any, value: Any) -> Any:
        """Return a mapping's value with its secrets masked. The value of a key such as `password` is a secret."""
        if isinstance(key, str) and isinstance(value, str) and may_be_secret_name(key):
            masked = self.mask_secrets(f"{key}={json.dumps(value, ensure_ascii=False)}")
            return HIDDEN if masked.endswith(f'="{HIDDEN}"') else self._mask_any_value(value)
        return self._mask_any_value(value)

    def _mask_repeatedly(self, text: str) -> str:
        """Return a text with its secrets masked, in at most `PASSES` passes, until nothing changes."""
        for _ in range(PASSES):
            masked = mask_services(mask_by_format(_replace_matches(self._values, text)))
            # Secret words are masked last, because they may be part of another secret's format, such as a URL.
            masked = _replace_matches(self._words, masked)
            if masked == text:
                break
            text = masked
        return text


def _replace_matches(pattern: re.Pattern[str] | None, text: str) -> str:
    """Return the text with `***` in place of each match of the pattern; unchanged if the pattern is None."""
    return pattern.sub(HIDDEN, text) if pattern else text


def _join_patterns(patterns: list[str]) -> re.Pattern[str] | None:
    """Return a regular expression that matches any of the patterns; None if there are no patterns."""
    return re.compile("|".join(patterns)) if patterns else None


def _environment_secrets(environment: Mapping[str, str]) -> list[str]:
    """Return the secrets in environment variables: values of variables with secret names, and passwords in URLs."""
    named = [value for name, value in environment.items() if may_be_secret_name(name) and not os.path.exists(value)]
    users = [value for value in environment.values() if "://" in value and "@" in value]
    return [*named, *(secret for value in users for secret in _url_secrets(value, whole=False))]


def _secret_parts(value: str) -> list[str]:
    """Return a secret and its parts that may occur alone, such as the lines of a key or the password of a URL."""
    lines = [line.strip() for line in value.splitlines() if len(line.strip()) >= LEAST_WORD]
    parts = [*lines, value.strip()] if len(lines) > 1 else [value.strip()]
    found = [part for whole in parts for part in (whole, *(_url_secrets(whole) if "://" in whole else ()))]
    return [part for part in found if _is_searchable(part)]


def _url_secrets(value: str, *, whole: bool = True) -> list[str]:
    """Return the password in a URL and, if `whole` is True, the secrets in the path and query of the URL."""
    user = _PASSWORD.match(value)
    password = [user[1], unquote(user[1])] if user else []
    try:
        url = urlsplit(value)
    except ValueError:
        return password
    if not whole:
        return password
    queried = [part.partition("=")[2] for part in url.query.split("&")]
    segments = [
        part
        for part in url.path.split("/")
        if is_random(part) or (looks_like_password(part) and len(part) >= LEAST_WORD)
    ]
    path = [url.path] if segments else []
    return [*password, *path, *segments, *(part for part in queried if looks_like_password(part))]


def _is_searchable(value: str) -> bool:
    """Return whether a secret is so long that texts can be searched for it without masking ordinary words."""
    if len(value) < LEAST or is_boolean_or_none(value) or (is_number(value) and len(value) < LEAST_WORD):
        return False
    return len(value) >= LEAST_WORD or not value.isalpha()


def _spellings(value: str) -> set[str]:
    """Return the forms in which a secret may appear in texts: plain, quoted, escaped, in hexadecimal or in base 64."""
    inside = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    data = value.encode("utf-8", "surrogateescape")
    written = {repr(data)[2:-1], data.hex(), data.hex().upper(), escape(value), escape(value, quote=False)}
    encoded = {form for start in range(3) for form in _base64_forms(data, start)}
    safe = value.encode("utf-8", "replace").decode()
    return {value, quote(safe, safe=""), quote(safe), quote_plus(safe), *inside, *written, *encoded}


def _base64_forms(data: bytes, start: int) -> set[str]:
    """Return the strings that encode `data` in base 64, if `start` other bytes (modulo 3) are encoded before it.

    `Authorization: Basic` encodes user and password together. Characters that also depend on neighbouring bytes are
    left out.
    """
    text = b64encode(bytes(start) + data).decode()
    bits = 8 * start, 8 * (start + len(data))
    forms = {text[-(-bits[0] // 6) : bits[1] // 6], *([] if start else [text.rstrip("=")])}
    return {form for inner in forms for form in (inner, inner.translate(URL_SAFE)) if len(form) >= LEAST_WORD}


def _is_word_or_number(value: str) -> bool:
    """Return whether a secret is a word or a number. Such a secret is not masked within a longer word."""
    is_word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    return is_word or is_number(value)


def _whole_word_pattern(value: str) -> str:
    """Return a regular expression that matches a word or a number, but not inside a longer one."""
    letter = "[A-Za-z]" if value.isalpha() else r"[\w.]"
    return rf"(?<!{letter}){re.escape(value)}(?!{letter}|://)"
