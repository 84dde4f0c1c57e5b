"""Mask the command line of a run, and learn secrets from its sources and arguments."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from descend.doctor.redaction import mask_secrets, remember_secrets
from descend.doctor.redaction.arguments import Masker, join_shell_words, must_hide_value
from descend.doctor.redaction.looks import is_random, looks_like_password
from descend.doctor.redaction.sources import Sources

LEAST_HIDDEN = 8  # A value with fewer characters is masked only in the command line, unless it is clearly a secret.


def shown_command(started: Sequence[str], path: Path, root: Path, arguments: Sequence[str]) -> str:
    """Return a program's command line for display, with `***` in place of its secrets.

    Hidden values and secrets in the program's sources are masked in all later texts (`remember_secrets`).
    """
    return _masked_command_line(tuple(started), path, root, tuple(arguments))


@lru_cache(maxsize=64)  # All training runs of one diagnosis show the same command line, so it is masked once.
def _masked_command_line(started: tuple[str, ...], path: Path, root: Path, arguments: tuple[str, ...]) -> str:
    """Return the masked command line, and remember the secrets that it or the program's sources contain."""
    sources = Sources(path, root)
    remember_secrets(sources.secrets())
    masker = Masker(sources.contains_word, root)
    command = join_shell_words([*started, *masker.mask_arguments(arguments)])
    remember_secrets(
        value
        for option, value in masker.hidden
        if not sources.contains_word(value) and _must_be_masked_everywhere(option, value)
    )
    return mask_secrets(command)


def _must_be_masked_everywhere(option: str, value: str) -> bool:
    """Return whether a value that is masked in a command line must also be masked in all other texts."""
    if must_hide_value(option) or is_random(value) or "://" in value:
        return True
    is_path = "/" in value or Path(value).suffix
    return not is_path and len(value) >= LEAST_HIDDEN and looks_like_password(value)
