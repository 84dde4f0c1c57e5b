"""A command line as it may be kept: a value is shown where it can be told to be none of the secrets, else it is hidden.

Shown are numbers, booleans, words of the program's own sources and paths that exist, unless they follow an option of
one letter (short numbers are shown there, but for -p) or one that is named like a secret. So a password is hidden
however it is called and wherever it stands.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from descend.doctor.redaction.looks import is_number, is_random, is_switch
from descend.doctor.redaction.names import is_likely, is_measure
from descend.doctor.redaction.shapes import HIDDEN, mask_shapes

_OPTION = re.compile(r"(--?|\+\+?|~)?([A-Za-z][\w./-]*)")
_PLAIN = re.compile(r"[a-z]+(?:[-_./][a-z]+)*|[A-Z]+(?:_[A-Z]+)*", re.ASCII)  # what a person calls an option
LONGEST_PLAIN = 32
_SPLIT = re.compile(r"([,\[\](){}: ]+)")
_COMMAND = re.compile(r"[a-z][a-z-]{0,11}")  # `git commit`, `pip install`
SUBCOMMANDS = 2
PASSWORDS = frozenset("pP")  # the letters of a password, as for mysql, sshpass and mosquitto
SHORT = 6  # digits: a count or a rate
_FLAGS = re.compile(r"-(?!p)[A-Za-z]{2,3}")  # behind -p stands a password


@dataclass
class Masker:
    """Masks one program's arguments; `hidden` is what it has hidden, with the option that it followed."""

    is_word: Callable[[str], bool]  # of the program's own sources
    root: Path
    is_program: bool = False  # and no Python script: its flags may stand together, `rm -rf`

    def __post_init__(self) -> None:
        self.hidden: list[tuple[str, str]] = []

    def masked(self, arguments: Sequence[str]) -> list[str]:
        """Return the arguments with `***` in place of what cannot be told to be no secret."""
        shown: list[str] = []
        option = ""
        for argument in arguments:
            if option and (not self._is_option(argument) or (guards(option) and not self.is_word(argument))):
                shown.append(self._value(option, argument))
                option = ""
            elif argument in ("-", "--"):
                shown.append(argument)
            elif self._is_option(argument) or _assigned(argument):
                shown.append(self._option(argument))
                option = argument if argument.startswith("-") and "=" not in argument else ""
            else:
                shown.append(self._value("", argument))
        return shown

    def _is_option(self, argument: str) -> bool:
        return argument.startswith("-") and len(argument) > 1 and not is_number(argument)

    def _option(self, argument: str) -> str:
        name, equals, value = argument.partition("=")
        if equals:
            return f"{self._name(name)}={self._value(name, value)}"
        if name[1:2] != "-" and len(name) > 2 and not self._is_named(name):  # -pVALUE
            return name[:2] + self._value(name[:2], name[2:])
        return self._name(name)

    def _name(self, name: str) -> str:
        return name if self._is_named(name) else name[: len(name) - len(name.lstrip("-+~"))] + self._hide("", name)

    def _is_named(self, name: str) -> bool:
        """Whether an option's name is one: of the sources, or such as anybody would give."""
        bare = name.lstrip("-+~")
        if not _OPTION.fullmatch(name):
            return False
        if len(set(bare)) == 1 or (self.is_program and _FLAGS.fullmatch(name)):
            return True
        if self.is_word(name) or self.is_word(bare):
            return True
        parts = re.split(r"[./]", bare.replace("-", "_"))
        is_plain = name[:2] == "--" or not name.startswith("-")
        is_plain = is_plain and len(bare) <= LONGEST_PLAIN and _PLAIN.fullmatch(bare) is not None
        return all(map(self.is_word, parts)) or is_plain

    def _value(self, option: str, value: str) -> str:
        if not value:
            return value
        if guards(option):
            return value if _is_plain(option, value) else self._hide(option, value)
        if self._is_harmless(value):
            return value
        pieces = _SPLIT.split(value)
        if len(pieces) > 1 and all(self._is_harmless(piece) for piece in pieces[::2] if piece):
            return value
        if value[0] in "{[" and (structured := self._json(value)) is not None:
            return structured
        if assigned := _assigned(value):
            return f"{self._name(assigned[0])}={self._value(assigned[0], assigned[1])}"
        return self._hide(option, value)

    def _is_harmless(self, value: str) -> bool:
        if is_number(value) or is_switch(value):
            return True
        if is_random(value) or mask_shapes(value) != value:
            return False
        return self.is_word(value) or self._exists(value)

    def _exists(self, value: str) -> bool:
        try:
            path = self.root / Path(value).expanduser()
            return path.exists() or (self.is_program and value.startswith("/") and path.parent.exists())
        except (OSError, ValueError, RuntimeError):
            return False

    def _json(self, value: str) -> str | None:
        try:
            return json.dumps(self._structured("", json.loads(value)), ensure_ascii=False)
        except ValueError:
            return None

    def _structured(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._name(key): self._structured(key, entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._structured(name, entry) for entry in value]
        if isinstance(value, bool) or value is None:
            return value
        text = value if isinstance(value, str) else json.dumps(value)
        shown = self._value(name, text)
        return value if shown == text else shown

    def _hide(self, option: str, value: str) -> str:
        self.hidden.append((option, value))
        return HIDDEN


def masked_command(command: Sequence[str], root: Path) -> str:
    """Return a program's command line as it may be told: what it is, its options, and no value that may be a secret."""
    if len(command) == 3 and command[1] == "-c" and Path(command[0]).name in ("sh", "bash", "dash", "zsh"):
        return f"{command[0]} -c {shlex.quote(_shell(command[2], root))}"
    return joined([command[0], *_told(command[1:], root)]) if command else ""


def joined(words: Sequence[str]) -> str:
    """Return words as a shell reads them; what is hidden needs no quotes."""
    return " ".join(
        w if shlex.quote(w.replace(HIDDEN, "x")) == w.replace(HIDDEN, "x") else shlex.quote(w) for w in words
    )


def _shell(line: str, root: Path) -> str:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return HIDDEN
    told: list[str] = []
    for is_sign, part in groupby(words, key=lambda word: not word.strip("();<>|&")):
        first, *rest = part
        told += [first, *rest] if is_sign else [joined([first, *_told(rest, root)])]
    return " ".join(told)


def _told(arguments: Sequence[str], root: Path) -> list[str]:
    whole = 0
    while whole < min(len(arguments), SUBCOMMANDS) and _COMMAND.fullmatch(arguments[whole]):
        whole += 1
    return [*arguments[:whole], *Masker(lambda word: False, root, is_program=True).masked(arguments[whole:])]


def guards(option: str) -> bool:
    """Whether what follows an option is hidden: one of a single letter may be the password's, as `-p` often is."""
    name = option.lstrip("-")
    return (len(name) == 1 and option.startswith("-")) or is_likely(name)


def _is_plain(option: str, value: str) -> bool:
    """Whether a number behind a guarded option is one: of a measure, or short behind a letter other than -p."""
    letter, is_short = option.lstrip("-"), sum(map(str.isdigit, value)) <= SHORT and "x" not in value.lower()
    return is_number(value) and (is_measure(option) or len(letter) == 1 and letter not in PASSWORDS and is_short)


def _assigned(argument: str) -> tuple[str, str] | None:
    name, equals, value = argument.partition("=")
    return (name, value) if equals and _OPTION.fullmatch(name) else None
