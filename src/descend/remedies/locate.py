"""Finds in the source, as it reads now, the call that a site of the record names.

Sites give lines of the original file, but remedies are combined: each one works on the text that the others
have left. Edits keep the order of calls, so the third call of `model` is still the third. Only where one of
these has gone (`SGD` became `Adam`) is the end of the call carried over the difference of the two texts; its
end, because no two calls end at the same character.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import libcst as cst

from descend.record import Record, Site
from descend.remedies.remedy import NotApplicable
from descend.remedies.syntax import Syntax, last_name, parse
from descend.script import Script, read_source

NEWLINE = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")  # Python's own line ends; str.splitlines knows more of them
TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
LIBRARIES = {"site-packages", "dist-packages"}
WORDS = {"model_call": "call of the model", "step": "optimizer's step", "activation": "output activation"}


@dataclass(frozen=True)
class Place:
    """One call in the source as it reads now."""

    syntax: Syntax
    call: cst.Call
    site: Site

    @property
    def inside(self) -> str:
        """What is said where the call does not do the recorded thing itself: a library does, further inside."""
        name, what = (
            self.syntax.code(self.call.func),
            self.site.detail or WORDS.get(self.site.kind, self.site.kind),
        )
        return f"line {self.syntax.line(self.call)} calls `{name}`: the {what} is somewhere inside"


def locate(script: Script, record: Record, kind: str, key: str | None = None) -> Place | NotApplicable:
    """Return the call recorded as `kind` and `key`, or why it cannot be edited."""
    site = record.site(kind, key)
    if site is None:
        return NotApplicable(f"the run did not show where the {WORDS.get(kind, kind)} is in the source")
    return locate_site(script, site)


def locate_site(script: Script, site: Site) -> Place | NotApplicable:
    """Return the call that stands at `site`, or why it cannot be edited."""
    file = Path(site.file)
    word = WORDS.get(site.kind, site.kind)
    if not file.is_relative_to(script.root) or LIBRARIES & set(file.relative_to(script.root).parts):
        return NotApplicable(f"the {word} is in a library, at {site.file}:{site.line}")
    if not file.is_file():
        return NotApplicable(f"the {word} is in {site.file}, which is not a file")
    syntax = parse(file, script.read(file))
    if isinstance(syntax, NotApplicable):
        return syntax
    call = _find_call(syntax, site, read_source(file))
    if call is None:
        return NotApplicable(f"no {word} is found at {file.name}:{site.line}")
    return Place(syntax, call, site)


def _find_call(syntax: Syntax, site: Site, before: str) -> cst.Call | None:
    if before == syntax.module.code:
        return _call_at(syntax, site)
    original = parse(syntax.file, before)
    call = _call_at(original, site) if isinstance(original, Syntax) else None
    if call is None or not isinstance(original, Syntax):
        return None
    alike, now = (_calls_of(text, original.code(call.func)) for text in (original, syntax))
    if len(alike) == len(now):
        return now[alike.index(call)]
    end = carry_end(before, syntax.module.code, _end(original, call))
    return next((c for c in syntax.every(cst.Call) if _end(syntax, c) == end), None)


def _call_at(syntax: Syntax, site: Site) -> cst.Call | None:
    calls = syntax.every(cst.Call)
    if site.end_line:
        end = _in_characters(syntax.module.code, site.end_line, site.end_column)
        return next((call for call in calls if _end(syntax, call) == end), None)
    start = _in_characters(syntax.module.code, site.line, site.column)
    beginning = [call for call in calls if _start(syntax, call) == start]
    named = [call for call in beginning if last_name(call.func) == site.detail]
    return next(iter(named or beginning), None)


def _calls_of(syntax: Syntax, callee: str) -> list[cst.Call]:
    return [call for call in syntax.every(cst.Call) if syntax.code(call.func) == callee]


def _start(syntax: Syntax, node: cst.CSTNode) -> tuple[int, int]:
    start = syntax.spans[node].start
    return start.line, start.column


def _end(syntax: Syntax, node: cst.CSTNode) -> tuple[int, int]:
    end = syntax.spans[node].end
    return end.line, end.column


def split_lines(text: str) -> list[str]:
    """Return the lines of Python source, each with its line end."""
    return NEWLINE.split(text)


def _in_characters(text: str, line: int, column: int) -> tuple[int, int]:
    lines = split_lines(text)
    if not 1 <= line <= len(lines):
        return line, column
    return line, len(lines[line - 1].encode()[:column].decode(errors="ignore"))


def carry_end(before: str, after: str, position: tuple[int, int]) -> tuple[int, int] | None:
    """Return where a position just after a token of `before` lies in `after`; None when the token is gone.

    Whole lines first; a changed line is followed to the one most like it, and there by tokens.
    """
    line, column = position
    old, new = split_lines(before), split_lines(after)
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal" and i1 < line <= i2:
            return line - i1 + j1, column
        if tag == "replace" and i1 < line <= i2:
            likeness = [_match(old[line - 1], changed).ratio() for changed in new[j1:j2]]
            j = j1 + likeness.index(max(likeness))
            carried = _carry_column(old[line - 1], new[j], column)
            return None if carried is None else (j + 1, carried)
    return None


def _match(before: str, after: str) -> "SequenceMatcher[str]":
    return SequenceMatcher(None, TOKEN.findall(before), TOKEN.findall(after), autojunk=False)


def _carry_column(before: str, after: str, column: int) -> int | None:
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    for i, j, size in _match(before, after).get_matching_blocks():
        for k in range(1, size + 1):
            if len("".join(old[: i + k])) == column:
                return len("".join(new[: j + k]))
    return None
