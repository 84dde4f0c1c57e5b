"""Mask a command line before it is stored: a value is shown only if it is certainly not a secret.

Numbers, booleans, words from the program's own sources and existing paths are shown. After a one-letter option, or an
option named like a secret, they are hidden too; only short numbers are shown after a one-letter option other than -p.
So a password is hidden whatever its option is called and at any position.
"""

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from descend.doctor.redaction.looks import is_boolean_or_none, is_number, is_random
from descend.doctor.redaction.names import is_quantity_name, may_be_secret_name
from descend.doctor.redaction.shapes import HIDDEN, mask_by_format

_OPTION = re.compile(r"(--?|\+\+?|~)?([A-Za-z][\w./-]*)")
_PLAIN_NAME = re.compile(r"[a-z]+(?:[-_./][a-z]+)*|[A-Z]+(?:_[A-Z]+)*", re.ASCII)  # an option name such as batch-size
LONGEST_PLAIN = 32  # An option name with more characters is hidden, unless the program's sources contain it.
_SPLIT = re.compile(r"([,\[\](){}: ]+)")
_COMMAND = re.compile(r"[a-z][a-z-]{0,11}")  # a word that may be a subcommand, as in `git commit`
SUBCOMMANDS = 2  # at most this many words at the beginning of a command line are shown as subcommands
PASSWORDS = frozenset("pP")  # mysql, sshpass and mosquitto take a password after one of these one-letter options
SHORT_NUMBER = 6  # a number with at most this many digits is shown: it is taken for a count or a learning rate
_COMBINED_FLAGS = re.compile(r"-(?!p)[A-Za-z]{2,3}")  # combined flags such as -rf; text after -p may be a password


@dataclass
class Masker:
    """Masks the arguments of one program. The list `hidden` collects each masked value with the name of its option."""

    is_word: Callable[[str], bool]  # a function that returns whether a word occurs in the program's source files
    root: Path
    is_program: bool = False  # True if this is not a Python script, so that flags may be combined, as in `rm -rf`

    def __post_init__(self) -> None:
        self.hidden: list[tuple[str, str]] = []

    def mask_arguments(self, arguments: Sequence[str]) -> list[str]:
        """Return command-line arguments with `***` in place of every value that may be a secret."""
        shown: list[str] = []
        option = ""
        for argument in arguments:
            if option and (not self._is_option(argument) or (must_hide_value(option) and not self.is_word(argument))):
                shown.append(self._mask_value(option, argument))
                option = ""
            elif argument in ("-", "--"):
                shown.append(argument)
            elif self._is_option(argument) or _split_assignment(argument):
                shown.append(self._mask_option(argument))
                option = argument if argument.startswith("-") and "=" not in argument else ""
            else:
                shown.append(self._mask_value("", argument))
        return shown

    def _is_option(self, argument: str) -> bool:
        """Return whether an argument begins with `-` and is not a negative number."""
        return argument.startswith("-") and len(argument) > 1 and not is_number(argument)

    def _mask_option(self, argument: str) -> str:
        """Return an option such as `--name=value` or `-pVALUE`, with `***` in place of a value that may be a secret."""
        name, equals, value = argument.partition("=")
        if equals:
            return f"{self._mask_name(name)}={self._mask_value(name, value)}"
        if name[1:2] != "-" and len(name) > 2 and not self._is_option_name(name):  # -pVALUE
            return name[:2] + self._mask_value(name[:2], name[2:])
        return self._mask_name(name)

    def _mask_name(self, name: str) -> str:
        """Return the name of an option unchanged, or its dashes and `***` if the name itself may be a secret."""
        if self._is_option_name(name):
            return name
        return name[: len(name) - len(name.lstrip("-+~"))] + self._hide("", name)

    def _is_option_name(self, name: str) -> bool:
        """Return whether a text is an option's name: a word from the program's sources, or one like `--batch-size`."""
        bare = name.lstrip("-+~")
        if not _OPTION.fullmatch(name):
            return False
        if len(set(bare)) == 1 or (self.is_program and _COMBINED_FLAGS.fullmatch(name)):
            return True
        if self.is_word(name) or self.is_word(bare):
            return True
        parts = re.split(r"[./]", bare.replace("-", "_"))
        is_plain = name[:2] == "--" or not name.startswith("-")
        is_plain = is_plain and len(bare) <= LONGEST_PLAIN and _PLAIN_NAME.fullmatch(bare) is not None
        return all(map(self.is_word, parts)) or is_plain

    def _mask_value(self, option: str, value: str) -> str:
        """Return the value of an option with possible secrets masked. `option` is "" for a positional argument."""
        if not value:
            return value
        if must_hide_value(option):
            return value if _may_show_number(option, value) else self._hide(option, value)
        if self._may_be_shown(value):
            return value
        pieces = _SPLIT.split(value)
        if len(pieces) > 1 and all(self._may_be_shown(piece) for piece in pieces[::2] if piece):
            return value
        if value[0] in "{[" and (structured := self._mask_json_text(value)) is not None:
            return structured
        if assigned := _split_assignment(value):
            return f"{self._mask_name(assigned[0])}={self._mask_value(assigned[0], assigned[1])}"
        return self._hide(option, value)

    def _may_be_shown(self, value: str) -> bool:
        """Return whether a value may be shown: a number, a boolean, a word from the sources or an existing path."""
        if is_number(value) or is_boolean_or_none(value):
            return True
        if is_random(value) or mask_by_format(value) != value:
            return False
        return self.is_word(value) or self._is_existing_path(value)

    def _is_existing_path(self, value: str) -> bool:
        """Return whether a value is an existing path, or, for a program, an absolute path in an existing folder."""
        try:
            path = self.root / Path(value).expanduser()
            return path.exists() or (self.is_program and value.startswith("/") and path.parent.exists())
        except (OSError, ValueError, RuntimeError):
            return False

    def _mask_json_text(self, value: str) -> str | None:
        """Return a JSON text with its secrets replaced by `***`; None if the text is not JSON."""
        try:
            return json.dumps(self._mask_json_value("", json.loads(value)), ensure_ascii=False)
        except ValueError:
            return None

    def _mask_json_value(self, name: str, value: Any) -> Any:
        """Return a parsed JSON value with its secrets replaced by `***`. `name` is the key of the value."""
        if isinstance(value, dict):
            return {self._mask_name(key): self._mask_json_value(key, entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._mask_json_value(name, entry) for entry in value]
        if isinstance(value, bool) or value is None:
            return value
        text = value if isinstance(value, str) else json.dumps(value)
        shown = self._mask_value(name, text)
        return value if shown == text else shown

    def _hide(self, option: str, value: str) -> str:
        """Store a secret value and its option in the list `hidden`, and return `***` to show in its place."""
        self.hidden.append((option, value))
        return HIDDEN


def masked_command(command: Sequence[str], root: Path) -> str:
    """Return a command line for reports, with `***` in place of each value that may be a secret."""
    if len(command) == 3 and command[1] == "-c" and Path(command[0]).name in ("sh", "bash", "dash", "zsh"):
        return f"{command[0]} -c {shlex.quote(_mask_shell_line(command[2], root))}"
    return join_shell_words([command[0], *_mask_program_arguments(command[1:], root)]) if command else ""


def join_shell_words(words: Sequence[str]) -> str:
    """Return the words joined to a shell command line. Words are quoted where a shell needs it, except `***`."""
    return " ".join(
        w if shlex.quote(w.replace(HIDDEN, "x")) == w.replace(HIDDEN, "x") else shlex.quote(w) for w in words
    )


def _mask_shell_line(line: str, root: Path) -> str:
    """Return a line of shell commands, such as `a && b | c`, with `***` in place of secret arguments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return HIDDEN
    shown: list[str] = []
    for is_sign, part in groupby(words, key=lambda word: not word.strip("();<>|&")):
        first, *rest = part
        shown += [first, *rest] if is_sign else [join_shell_words([first, *_mask_program_arguments(rest, root)])]
    return " ".join(shown)


def _mask_program_arguments(arguments: Sequence[str], root: Path) -> list[str]:
    """Return a program's arguments with `***` in place of secrets; subcommands such as `commit` are kept."""
    whole = 0
    while whole < min(len(arguments), SUBCOMMANDS) and _COMMAND.fullmatch(arguments[whole]):
        whole += 1
    return [*arguments[:whole], *Masker(lambda word: False, root, is_program=True).mask_arguments(arguments[whole:])]


def must_hide_value(option: str) -> bool:
    """Return whether the value of an option is hidden: the option has one letter or is named like a secret."""
    name = option.lstrip("-")
    return (len(name) == 1 and option.startswith("-")) or may_be_secret_name(name)


def _may_show_number(option: str, value: str) -> bool:
    """Return whether the value of an option is a number and not a password, as in `--max-tokens 4096` or `-n 10`."""
    letter, is_short = option.lstrip("-"), sum(map(str.isdigit, value)) <= SHORT_NUMBER and "x" not in value.lower()
    return is_number(value) and (is_quantity_name(option) or len(letter) == 1 and letter not in PASSWORDS and is_short)


def _split_assignment(argument: str) -> tuple[str, str] | None:
    """Split an argument `name=value` into its name and value; return None for any other argument."""
    name, equals, value = argument.partition("=")
    return (name, value) if equals and _OPTION.fullmatch(name) else None
