"""Find the code that a run recorded at a place in the source, although earlier edits may have moved it.

A site names lines of the original file, but remedies are combined: each one edits the text that earlier ones left.
Edits keep the order of calls, so the third call of `model` is still the third. If calls were added or removed (`SGD`
became `Adam`), the end of the call is mapped through the difference of the two texts. The end is used because no two
calls end at the same character. Other expressions are identified by both ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from descend.doctor.codemod.line_mapping import map_token_end, position_in_characters, split_lines
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Node, Syntax, last_name, parse
from descend.doctor.record import LIBRARIES, Record, Site, SiteKind, facts
from descend.doctor.script.script import Script

Found = tuple[Syntax, Node]
Find = Callable[[Syntax, Site, type[Node]], Node | None]


@dataclass(frozen=True)
class Place:
    """A call in the current source, found from its recorded place in the original source."""

    syntax: Syntax
    call: cst.Call
    site: Site

    @property
    def indirect_call_message(self) -> str:
        """The error message that the recorded call is inside a library, so it cannot be edited."""
        name, what = (
            self.syntax.code(self.call.func),
            self.site.detail or SiteKind(self.site.kind).phrase,
        )
        return f"line {self.syntax.line(self.call)} calls `{name}`, which uses the {what} only indirectly"


def locate(script: Script, record: Record, kind: SiteKind, key: str | None = None) -> Place:
    """Return the recorded call of a kind, such as the loss. Raise NotApplicable if it is not known or editable."""
    site = record.site(kind, key)
    optimizer = record.fact(facts.Optimizer, key or "0") if site is None and kind == SiteKind.OPTIMIZER else None
    if optimizer is not None and optimizer.by_hand:
        raise NotApplicable("there is no optimizer: the script updates its parameters by hand")
    if site is None:
        raise NotApplicable(f"the run did not show where the {SiteKind(kind).phrase} is in the source")
    return locate_site(script, site)


def locate_site(script: Script, site: Site) -> Place:
    """Return the call at a recorded place in the source. Raise NotApplicable if it cannot be edited."""
    return Place(*_locate(script, site, cst.Call, _find_call), site)


def locate_node(script: Script, site: Site, kind: type[Node]) -> Found[Node]:
    """Return the node of type `kind` at a recorded place in the source, and its file."""
    return _locate(script, site, kind, _find_node)


def locate_loop(script: Script, site: Site) -> Found[cst.For]:
    """Return the `for` loop that begins at a recorded place in the source, and its file."""
    return _locate(script, site, cst.For, _find_beginning)


def statement_around(script: Script, site: Site) -> Found[cst.BaseSmallStatement]:
    """Return the simple statement at a recorded place in the source, and its file."""
    return _locate(script, site, cst.BaseSmallStatement, _find_surrounding_node)  # type: ignore[type-abstract]


def _locate(script: Script, site: Site, kind: type[Node], find: Find[Node]) -> Found[Node]:
    """Find a recorded node in the original source by the function `find`; return its file and the edited node."""
    syntax = syntax_at(script, site)
    original = if_applicable(parse, syntax.file, script.examined_text(syntax.file))
    node = find(original, site, kind) if original is not None else None
    if node is None or original is None:
        raise NotApplicable(f"there is no {site_name(site)} at {syntax.file.name}:{site.line}")
    now = node if original is syntax else _current_node(original, node, syntax, kind)
    if now is None:
        raise NotApplicable(f"line {site.line} was changed by an earlier edit")
    return syntax, now


def syntax_at(script: Script, site: Site) -> Syntax:
    """Return the current file of a recorded place. Raise NotApplicable if the file is not one of the user's."""
    file = Path(site.file)
    if not is_user_file(script, file):
        raise NotApplicable(f"the {site_name(site)} is in a library, at {site.file}:{site.line}")
    if not script.has_file(file):
        raise NotApplicable(f"the {site_name(site)} is in {site.file}, which is not a file")
    return parse(file, script.read(file))


def training_file(script: Script, record: Record) -> tuple[Syntax, Site] | None:
    """Return the file that runs the backward pass, and the recorded place of the backward pass; None if unknown."""
    backward = record.site(SiteKind.BACKWARD)
    syntax = None if backward is None else if_applicable(syntax_at, script, backward)
    return (syntax, backward) if backward is not None and syntax is not None else None


def site_of_node(syntax: Syntax, node: cst.CSTNode, kind: SiteKind, key: str, file: str) -> Site:
    """Return the node's place in the source, in the form in which runs record it; the file must be unedited."""
    lines, span = split_lines(syntax.module.code), syntax.spans[node]
    begin = len(lines[span.start.line - 1][: span.start.column].encode())
    end = len(lines[span.end.line - 1][: span.end.column].encode())
    return Site(kind, key, file, span.start.line, begin, span.end.line, end)


def site_name(site: Site) -> str:
    """Return what the code at a recorded place is, in words for messages: "optimizer's step"."""
    return SiteKind(site.kind).phrase


def is_user_file(script: Script, file: Path) -> bool:
    """Return whether a file is in the script's folders, but not in an installed library."""
    home = next((h for h in (script.root, script.path.parent) if file.is_relative_to(h)), None)
    return home is not None and not LIBRARIES & set(file.relative_to(home).parts)


def _current_node(original: Syntax, node: Node, syntax: Syntax, kind: type[Node]) -> Node | None:
    """Return the node in the edited source that corresponds to a node in the original source, or None."""
    alike, now = (_nodes_with_code(text, kind, _stable_code(original, node)) for text in (original, syntax))
    if len(alike) == len(now):
        return now[alike.index(node)]
    end = map_token_end(original.module.code, syntax.module.code, original.end(node))
    return next((n for n in syntax.every(kind) if syntax.end(n) == end), None)


def _find_call(syntax: Syntax, site: Site, kind: type[cst.Call]) -> cst.Call | None:
    """Return the call that ends at the recorded end or, if no end was recorded, starts at the recorded start.

    Python reports a different start for calls that span several lines.
    """
    calls = syntax.every(kind)
    if site.end_line:
        end = position_in_characters(syntax.module.code, site.end_line, site.end_column)
        return next((call for call in calls if syntax.end(call) == end), None)
    start = position_in_characters(syntax.module.code, site.line, site.column)
    beginning = [call for call in calls if syntax.start(call) == start]
    named = [call for call in beginning if last_name(call.func) == site.detail]
    return next(iter(named or beginning), None)


def _find_node(syntax: Syntax, site: Site, kind: type[Node]) -> Node | None:
    """Return the node of type `kind` with the recorded start and end, or None."""
    text = syntax.module.code
    start = position_in_characters(text, site.line, site.column)
    end = position_in_characters(text, site.end_line or site.line, site.end_column)
    return next((n for n in syntax.every(kind) if (syntax.start(n), syntax.end(n)) == (start, end)), None)


def _find_beginning(syntax: Syntax, site: Site, kind: type[Node]) -> Node | None:
    """Return the node of type `kind` with the recorded start, or None."""
    start = position_in_characters(syntax.module.code, site.line, site.column)
    return next((node for node in syntax.every(kind) if syntax.start(node) == start), None)


def _find_surrounding_node(syntax: Syntax, site: Site, kind: type[Node]) -> Node | None:
    """Return the first node of type `kind` that contains the recorded start, or None."""
    start = position_in_characters(syntax.module.code, site.line, site.column)
    return next((node for node in syntax.every(kind) if syntax.start(node) <= start <= syntax.end(node)), None)


def _nodes_with_code(syntax: Syntax, kind: type[Node], name: str) -> list[Node]:
    """Return the nodes of type `kind` whose code, without the arguments of a call, is `name`."""
    return [node for node in syntax.every(kind) if _stable_code(syntax, node) == name]


def _stable_code(syntax: Syntax, node: cst.CSTNode) -> str:
    """Return the code by which a node is found again: for a call, only the callee, as edits may change arguments."""
    return syntax.code(node.func if isinstance(node, cst.Call) else node)
