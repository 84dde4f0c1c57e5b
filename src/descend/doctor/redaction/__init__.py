"""What is secret is neither kept nor shown: command lines, texts, patches, and who may read our files."""

import os
from collections.abc import Iterable
from functools import cache
from typing import TypeVar

from descend.doctor.redaction.redactor import Redactor
from descend.doctor.redaction.shapes import HIDDEN

__all__ = ["HIDDEN", "Redactor", "clean", "cleaned", "learn"]

T = TypeVar("T")


@cache
def _own() -> Redactor:
    return Redactor(os.environ)


def clean(text: str) -> str:
    """Return a text with what this process knows to be secret, and what is written like it, replaced by `***`."""
    return _own().clean(text)


def cleaned(value: T) -> T:
    """Return a value of plain data, or a dataclass of it, with every text in it cleaned."""
    return _own().cleaned(value)


def learn(values: Iterable[str]) -> None:
    """Let these values be secret for as long as this process lives."""
    _own().learn(values)
