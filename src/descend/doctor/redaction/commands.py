"""The command that a run is kept and shown as, and what its sources and its arguments tell of secrets."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from descend.doctor.redaction import clean, learn
from descend.doctor.redaction.arguments import Masker, guards, joined
from descend.doctor.redaction.looks import is_random, is_telling
from descend.doctor.redaction.sources import Sources

LEAST_HIDDEN = 8  # characters of a hidden value that follows no secret's option, to be looked for in texts, too


def shown_command(started: Sequence[str], path: Path, root: Path, arguments: Sequence[str]) -> str:
    """Return a program's command line without secrets.

    What it hides, and what stands in the program's sources beside a secret's name, is secret from then on (`learn`).
    """
    return _shown(tuple(started), path, root, tuple(arguments))


@lru_cache(maxsize=64)  # each trial run of a case asks
def _shown(started: tuple[str, ...], path: Path, root: Path, arguments: tuple[str, ...]) -> str:
    sources = Sources(path, root)
    learn(sources.secrets())
    masker = Masker(sources.has, root)
    command = joined([*started, *masker.masked(arguments)])
    learn(value for option, value in masker.hidden if not sources.has(value) and _is_known_again(option, value))
    return clean(command)


def _is_known_again(option: str, value: str) -> bool:
    """Whether a hidden value is looked for in other texts: the name of an experiment, or of a file to be, is not."""
    if guards(option) or is_random(value) or "://" in value:
        return True
    is_path = "/" in value or Path(value).suffix
    return not is_path and len(value) >= LEAST_HIDDEN and is_telling(value)
