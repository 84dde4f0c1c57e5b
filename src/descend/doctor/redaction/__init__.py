"""Secrets are neither stored nor shown: they are masked in command lines, texts and patches. Our files are private."""

import os
from collections.abc import Iterable
from functools import cache
from typing import TypeVar

from descend.doctor.redaction.redactor import Redactor
from descend.doctor.redaction.shapes import HIDDEN

__all__ = ["HIDDEN", "Redactor", "mask_secrets", "mask_secrets_in", "remember_secrets"]

T = TypeVar("T")


@cache
def _process_redactor() -> Redactor:
    """Return the redactor of this process, which also masks the secrets in its environment variables."""
    return Redactor(os.environ)


def mask_secrets(text: str) -> str:
    """Return the text with known secrets, and strings that look like secrets, replaced by `***`."""
    return _process_redactor().mask_secrets(text)


def mask_secrets_in(value: T) -> T:
    """Return a copy of JSON-like data, or of a dataclass, with the secrets in all its strings replaced by `***`."""
    return _process_redactor().mask_secrets_in(value)


def remember_secrets(values: Iterable[str]) -> None:
    """Remember the given secrets: until this process ends, `mask_secrets` replaces them in every text by `***`."""
    _process_redactor().remember_secrets(values)
