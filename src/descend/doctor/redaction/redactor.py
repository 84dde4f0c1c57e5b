"""The one redactor: every text that is kept or shown passes it on its way in and on its way out.

It knows the values of this process's secret-named environment variables, those that it is told of (`learn`), and
how secrets are written. What it has masked it leaves as it is.
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

from descend.doctor.redaction.looks import is_number, is_random, is_switch, is_telling
from descend.doctor.redaction.names import is_likely
from descend.doctor.redaction.services import mask_services
from descend.doctor.redaction.shapes import HIDDEN, mask_shapes

LEAST = 6  # characters of a value that is looked for in texts; shorter ones stand in other words
LEAST_WORD = 8  # ... where it is a word, or a number: `postgres`
PASSES = 4  # what is masked first may show another: until nothing changes, and at most so often
URL_SAFE = str.maketrans("+/", "-_")  # RFC 4648, section 5
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")  # of weights: a value by itself, and no text
_PASSWORD = re.compile(r"\w[\w+.-]*://[^:/?#@\s]*:(.+)@")  # slashes in it are often left as they are

T = TypeVar("T")


class Redactor:
    """Masks what is secret. `learn` adds values; the same text is masked the same way until then."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._known = frozenset[str]()
        self._values: re.Pattern[str] | None = None
        self._words: re.Pattern[str] | None = None
        self._cached = lru_cache(maxsize=4096)(self._clean)
        self.learn(_of_environment(environment))

    def learn(self, values: Iterable[str]) -> None:
        """Mask these values, too, from now on, however they are written: quoted, escaped, in base 64."""
        found = {form for value in values for part in _parts(value) for form in _forms(part)}
        if found <= self._known:
            return
        self._known |= found
        longest_first = sorted(self._known, key=lambda value: (-len(value), value))
        self._values = _any_of([re.escape(value) for value in longest_first if not _is_whole(value)])
        self._words = _any_of([_whole(value) for value in longest_first if _is_whole(value)])
        self._cached.cache_clear()

    def clean(self, text: str) -> str:
        """Return a text with its secrets replaced by `***`, in as many lines."""
        return self._cached(text) if text else text

    def cleaned(self, value: T) -> T:
        """Return a value as JSON has it, or a dataclass of such values, with every text in it masked."""
        return self._cleaned(value)

    def _cleaned(self, value: Any) -> Any:
        if isinstance(value, str):
            return value if _FINGERPRINT.fullmatch(value) else self.clean(value)
        if isinstance(value, Mapping):
            return {self._cleaned(key): self._entry(key, entry) for key, entry in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
            return type(value)(self._cleaned(entry) for entry in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: self._cleaned(getattr(value, f.name)) for f in fields(value) if f.init})
        return value

    def _entry(self, key: Any, value: Any) -> Any:
        """Return a value, masked by its own name, too, where it is a text."""
        if isinstance(key, str) and isinstance(value, str) and is_likely(key):
            masked = self.clean(f"{key}={json.dumps(value, ensure_ascii=False)}")
            return HIDDEN if masked.endswith(f'="{HIDDEN}"') else self._cleaned(value)
        return self._cleaned(value)

    def _clean(self, text: str) -> str:
        for _ in range(PASSES):
            masked = mask_services(mask_shapes(_without(self._values, text)))
            masked = _without(self._words, masked)  # a word may be what makes a shape: the scheme of a URL
            if masked == text:
                break
            text = masked
        return text


def _without(pattern: re.Pattern[str] | None, text: str) -> str:
    return pattern.sub(HIDDEN, text) if pattern else text


def _any_of(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(patterns)) if patterns else None


def _of_environment(environment: Mapping[str, str]) -> list[str]:
    named = [value for name, value in environment.items() if is_likely(name) and not os.path.exists(value)]
    users = [value for value in environment.values() if "://" in value and "@" in value]
    return [*named, *(secret for value in users for secret in _url_secrets(value, whole=False))]


def _parts(value: str) -> list[str]:
    """Return a value and what of it may be met alone: lines of a key, the password and the path of a URL."""
    lines = [line.strip() for line in value.splitlines() if len(line.strip()) >= LEAST_WORD]
    parts = [*lines, value.strip()] if len(lines) > 1 else [value.strip()]
    found = [part for whole in parts for part in (whole, *(_url_secrets(whole) if "://" in whole else ()))]
    return [part for part in found if _can_be_sought(part)]


def _url_secrets(value: str, *, whole: bool = True) -> list[str]:
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
        part for part in url.path.split("/") if is_random(part) or (is_telling(part) and len(part) >= LEAST_WORD)
    ]
    path = [url.path] if segments else []
    return [*password, *path, *segments, *(part for part in queried if is_telling(part))]


def _can_be_sought(value: str) -> bool:
    if len(value) < LEAST or is_switch(value) or (is_number(value) and len(value) < LEAST_WORD):
        return False
    return len(value) >= LEAST_WORD or not value.isalpha()


def _forms(value: str) -> set[str]:
    inside = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    data = value.encode("utf-8", "surrogateescape")
    written = {repr(data)[2:-1], data.hex(), data.hex().upper(), escape(value), escape(value, quote=False)}
    encoded = {form for start in range(3) for form in _in_base_64(data, start)}
    safe = value.encode("utf-8", "replace").decode()
    return {value, quote(safe, safe=""), quote(safe), quote_plus(safe), *inside, *written, *encoded}


def _in_base_64(data: bytes, start: int) -> set[str]:
    """Return how data are written in base 64 within a text that has so many bytes (modulo 3) before them.

    `Authorization: Basic` encodes user and password together. Characters that depend on what is next to the data are
    left out.
    """
    text = b64encode(bytes(start) + data).decode()
    bits = 8 * start, 8 * (start + len(data))
    forms = {text[-(-bits[0] // 6) : bits[1] // 6], *([] if start else [text.rstrip("=")])}
    return {form for inner in forms for form in (inner, inner.translate(URL_SAFE)) if len(form) >= LEAST_WORD}


def _is_whole(value: str) -> bool:
    is_word = value.isalpha() and (value.islower() or value.isupper() or value.istitle())
    return is_word or is_number(value)


def _whole(value: str) -> str:
    """Return the pattern of a word, or a number, that stands by itself."""
    letter = "[A-Za-z]" if value.isalpha() else r"[\w.]"
    return rf"(?<!{letter}){re.escape(value)}(?!{letter}|://)"
