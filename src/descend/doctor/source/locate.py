"""Finds in the source, as it reads now, the call (or other expression) that a site of the record names.

Sites give lines of the original file, but remedies are combined: each one works on the text that the others
have left. Edits keep the order of calls, so the third call of `model` is still the third. Only where one of
these has gone (`SGD` became `Adam`) is the end of the call carried over the difference of the two texts; its
end, because no two calls end at the same character. Other expressions are known by both their ends.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

import libcst as cst

from descend.doctor.record import LIBRARIES, Record, Site, facts
from descend.doctor.script.script import Script
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Node, Syntax, last_name, parse

NEWLINE = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")  # Python's own line ends; str.splitlines knows more of them
TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
WORDS = {
    "model_call": "call of the model",
    "backward": "backward pass",
    "idle_loss": "step that no backward pass feeds",
    "step": "optimizer's step",
    "activation": "output activation",
    "loss_module": "loss module",
    "detach": "detach() call",
    "drawn": "call of dropout",
    "evaluated": "evaluation",
    "singular": "root or logarithm",
    "leak": "attention or recurrent layer",
    "summed_term": "summed term of the loss",
    "derivative": "call of torch.autograd.grad",
    "lone_entry": "normalisation over a single entry",
    "loader": "data loader",
    "scheduler_step": "scheduler's step",
    "clip": "clipping of gradients",
    "reduction": "sum that makes the loss",
    "dropout": "dropout layer",
    "hidden_activation": "hidden activation",
    "on_inputs": "call on the data",
    "on_fetched": "call on the data",
    "prepared": "statement that changes the data",
    "selection_before_split": "fit of the feature selector",
    "unaveraged_buffers": "loop over the parameters of two networks",
    "on_evaluated": "call on the data that are evaluated",
    "on_measured": "call on what the network says where it is evaluated",
    "evaluation": "evaluation",
    "on_network": "call within the network",
    "on_loss": "call on the way to the loss",
    "of_loss": "call on the loss",
    "loss_term": "term of the loss",
    "penalty": "penalty in the loss",
    "crossing": "call that keeps the loss up",
    "altered_gradient": "change of the gradients",
    "altered_parameters": "change of the parameters",
    "altered_state": "end of what the rule remembers",
}


Found = tuple[Syntax, Node] | NotApplicable
Find = Callable[[Syntax, Site, type[Node]], Node | None]


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
        return f"line {self.syntax.line(self.call)} calls `{name}`, which uses the {what} only indirectly"


def locate(script: Script, record: Record, kind: str, key: str | None = None) -> Place | NotApplicable:
    """Return the call recorded as `kind` and `key`, or why it cannot be edited."""
    site = record.site(kind, key)
    optimizer = record.fact(facts.Optimizer, key or "0") if site is None and kind == "optimizer" else None
    if optimizer is not None and optimizer.by_hand:
        return NotApplicable("there is no optimizer: the script updates its parameters by hand")
    if site is None:
        return NotApplicable(f"the run did not show where the {WORDS.get(kind, kind)} is in the source")
    return locate_site(script, site)


def locate_site(script: Script, site: Site) -> Place | NotApplicable:
    """Return the call that stands at `site`, or why it cannot be edited."""
    found = _located(script, site, cst.Call, _call_at)
    return found if isinstance(found, NotApplicable) else Place(*found, site)


def locate_node(script: Script, site: Site, kind: type[Node]) -> Found[Node]:
    """Return the expression or statement of that kind that begins and ends where `site` does, or why there is none."""
    return _located(script, site, kind, _node_at)


def statement_around(script: Script, site: Site) -> Found[cst.BaseSmallStatement]:
    """Return the simple statement around `site`, or why there is none that could be edited."""
    return _located(script, site, cst.BaseSmallStatement, _node_around)  # type: ignore[type-abstract]


def _located(script: Script, site: Site, kind: type[Node], find: Find[Node]) -> Found[Node]:
    syntax = syntax_at(script, site)
    if isinstance(syntax, NotApplicable):
        return syntax
    original = parse(syntax.file, script.as_examined(syntax.file))
    node = find(original, site, kind) if isinstance(original, Syntax) else None
    if node is None or not isinstance(original, Syntax):
        return NotApplicable(f"no {word_of(site)} is found at {syntax.file.name}:{site.line}")
    now = node if original is syntax else _as_it_reads_now(original, node, syntax, kind)
    return NotApplicable(f"line {site.line} reads otherwise by now") if now is None else (syntax, now)


def syntax_at(script: Script, site: Site) -> Syntax | NotApplicable:
    """Return the file of a site as it reads now, or why it cannot be edited."""
    file = Path(site.file)
    if not is_users(script, file):
        return NotApplicable(f"the {word_of(site)} is in a library, at {site.file}:{site.line}")
    if not script.has(file):
        return NotApplicable(f"the {word_of(site)} is in {site.file}, which is not a file")
    return parse(file, script.read(file))


def training_file(script: Script, record: Record) -> tuple[Syntax, Site] | None:
    """Return the file that holds the backward pass, and where in it; None where that does not show."""
    backward = record.site("backward")
    syntax = None if backward is None else syntax_at(script, backward)
    return (syntax, backward) if backward is not None and isinstance(syntax, Syntax) else None


def site_of(syntax: Syntax, node: cst.CSTNode, kind: str, key: str, file: str) -> Site:
    """Return the site of a node in a file as it was read."""
    lines, span = NEWLINE.split(syntax.module.code), syntax.spans[node]
    begin = len(lines[span.start.line - 1][: span.start.column].encode())
    end = len(lines[span.end.line - 1][: span.end.column].encode())
    return Site(kind, key, file, span.start.line, begin, span.end.line, end)


def word_of(site: Site) -> str:
    """Return what a site is called."""
    return WORDS.get(site.kind, site.kind)


def is_users(script: Script, file: Path) -> bool:
    """Whether a file lies in the folders of the script, and in no library there."""
    home = next((h for h in (script.root, script.path.parent) if file.is_relative_to(h)), None)
    return home is not None and not LIBRARIES & set(file.relative_to(home).parts)


def _as_it_reads_now(original: Syntax, node: Node, syntax: Syntax, kind: type[Node]) -> Node | None:
    alike, now = (_alike(text, kind, _name(original, node)) for text in (original, syntax))
    if len(alike) == len(now):
        return now[alike.index(node)]
    end = carry_end(original.module.code, syntax.module.code, _end(original, node))
    return next((n for n in syntax.every(kind) if _end(syntax, n) == end), None)


def _call_at(syntax: Syntax, site: Site, kind: type[cst.Call]) -> cst.Call | None:
    """Return the call that ends there: of one that goes over several lines Python tells another beginning."""
    calls = syntax.every(kind)
    if site.end_line:
        end = in_characters(syntax.module.code, site.end_line, site.end_column)
        return next((call for call in calls if _end(syntax, call) == end), None)
    start = in_characters(syntax.module.code, site.line, site.column)
    beginning = [call for call in calls if _start(syntax, call) == start]
    named = [call for call in beginning if last_name(call.func) == site.detail]
    return next(iter(named or beginning), None)


def _node_at(syntax: Syntax, site: Site, kind: type[Node]) -> Node | None:
    text = syntax.module.code
    start = in_characters(text, site.line, site.column)
    end = in_characters(text, site.end_line or site.line, site.end_column)
    return next((n for n in syntax.every(kind) if (_start(syntax, n), _end(syntax, n)) == (start, end)), None)


def _node_around(syntax: Syntax, site: Site, kind: type[Node]) -> Node | None:
    start = in_characters(syntax.module.code, site.line, site.column)
    return next((node for node in syntax.every(kind) if _start(syntax, node) <= start <= _end(syntax, node)), None)


def _alike(syntax: Syntax, kind: type[Node], name: str) -> list[Node]:
    return [node for node in syntax.every(kind) if _name(syntax, node) == name]


def _name(syntax: Syntax, node: cst.CSTNode) -> str:
    """Return what an edit of its arguments leaves of a call; all of any other expression."""
    return syntax.code(node.func if isinstance(node, cst.Call) else node)


def _start(syntax: Syntax, node: cst.CSTNode) -> tuple[int, int]:
    start = syntax.spans[node].start
    return start.line, start.column


def _end(syntax: Syntax, node: cst.CSTNode) -> tuple[int, int]:
    end = syntax.spans[node].end
    return end.line, end.column


def split_lines(text: str) -> list[str]:
    """Return the lines of Python source, each with its line end."""
    return NEWLINE.split(text)


def in_characters(text: str, line: int, column: int) -> tuple[int, int]:
    """Return a place whose column is counted in bytes as one in characters."""
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
