"""One file's syntax tree, with every node's place, parent and scope."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TypeVar

import libcst as cst
from libcst.metadata import (
    CodeRange,
    ImportAssignment,
    MetadataWrapper,
    ParentNodeProvider,
    PositionProvider,
    Scope,
    ScopeProvider,
)

from descend.doctor.source.not_applicable import NotApplicable
from descend.ground.bound import Count

DEEPEST = Count(
    200,
    "nested nodes",
    "calibrated on sums, calls, attributes, brackets and elif of many lengths: copying and comparing a tree reach "
    "Python's recursion limit of 1000 at 240",
)

Node = TypeVar("Node", bound=cst.CSTNode)
Change = Callable[[cst.CSTNode], cst.CSTNode]  # from a node, with what has changed inside it, to another


@dataclass(frozen=True, eq=False)
class Syntax:
    """The tree of one file. Nothing is lost in it: its code is the file's text, to the last blank."""

    file: Path
    module: cst.Module
    spans: Mapping[cst.CSTNode, CodeRange]  # 1-based lines, 0-based columns in characters
    parents: Mapping[cst.CSTNode, cst.CSTNode]
    scopes: Mapping[cst.CSTNode, Scope | None]

    def code(self, node: cst.CSTNode) -> str:
        """Return the node's own text."""
        return self.module.code_for_node(node)

    def line(self, node: cst.CSTNode) -> int:
        """Return the line on which the node begins."""
        return self.spans[node].start.line

    def spans_line(self, node: cst.CSTNode, line: int) -> bool:
        """Whether the node's text stands on a line, or around it."""
        return self.spans[node].start.line <= line <= self.spans[node].end.line

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield what encloses the node, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def every(self, kind: type[Node], within: cst.CSTNode | None = None) -> list[Node]:
        """Return every node of that kind, in the order of the text."""
        found = [n for n in (self.spans if within is None else descendants(within)) if isinstance(n, kind)]
        return sorted(found, key=lambda n: (self.spans[n].start.line, self.spans[n].start.column))

    def is_module(self, expression: cst.BaseExpression) -> bool:
        """Return whether the expression is an imported name or an attribute of one (`F`, `torch.nn.functional`)."""
        while isinstance(expression, cst.Attribute):
            expression = expression.value
        name = expression if isinstance(expression, cst.Name) else None
        scope = self.scopes.get(name) if name is not None else None
        if name is None or scope is None:
            return False
        return any(isinstance(bound, ImportAssignment) for bound in scope[name.value])

    def replace(self, old: cst.CSTNode, new: cst.CSTNode) -> str:
        """Return the file's text with `new` in the place of `old`."""
        changed = self.module.deep_replace(old, new)
        return changed.code if isinstance(changed, cst.Module) else self.module.code

    def rewrite(self, changes: Mapping[cst.CSTNode, Change]) -> str:
        """Return the file's text with several nodes changed, also where one holds another."""
        changed = self.module.visit(_Rewriting(changes))
        return changed.code if isinstance(changed, cst.Module) else self.module.code

    def replace_all(self, others: Mapping[cst.CSTNode, cst.CSTNode]) -> str:
        """Return the file's text with another node in the place of each of several."""
        return self.rewrite({old: partial(_become, new) for old, new in others.items()})


def _become(new: cst.CSTNode, old: cst.CSTNode) -> cst.CSTNode:
    return new


class _Rewriting(cst.CSTTransformer):
    def __init__(self, changes: Mapping[cst.CSTNode, Change]) -> None:
        super().__init__()
        self.changes = changes

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        change = self.changes.get(original_node)
        return updated_node if change is None else change(updated_node)


@lru_cache(maxsize=8)  # one text is read by several steps of a remedy, and by several remedies
def parse(file: Path, text: str) -> Syntax | NotApplicable:
    """Return the syntax of `text`, or why it has none: grammar newer than libcst's, line ends of old."""
    try:
        return _parsed(file, text)
    except RecursionError:
        return NotApplicable(f"{file.name} cannot be edited: it is nested too deeply")


def _parsed(file: Path, text: str) -> Syntax | NotApplicable:
    try:
        wrapper = MetadataWrapper(cst.parse_module(text))
    except cst.ParserSyntaxError as error:
        return NotApplicable(f"{file.name} cannot be edited: {error.message} in line {error.raw_line}")
    if wrapper.module.code != text:
        return NotApplicable(f"{file.name} cannot be edited without changing other lines, too")
    spans, parents = wrapper.resolve(PositionProvider), wrapper.resolve(ParentNodeProvider)
    if _depth(parents) > DEEPEST:
        raise RecursionError
    return Syntax(file, wrapper.module, spans, parents, wrapper.resolve(ScopeProvider))


def _depth(parents: Mapping[cst.CSTNode, cst.CSTNode]) -> int:
    """Return in how many nodes the innermost node is."""
    depths: dict[cst.CSTNode, int] = {}
    for node in parents:
        above = []
        while node in parents and node not in depths:
            above.append(node)
            node = parents[node]
        depth = depths.get(node, 0)
        for inner in reversed(above):
            depth += 1
            depths[inner] = depth
    return max(depths.values(), default=0)


def descendants(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield the node and everything in it."""
    yield node
    for child in node.children:
        yield from descendants(child)


def dotted(name: str) -> cst.Name | cst.Attribute:
    """Return `torch.nn.ReLU` as an expression."""
    head, *others = name.split(".")
    whole: cst.Name | cst.Attribute = cst.Name(head)
    for other in others:
        whole = cst.Attribute(whole, cst.Name(other))
    return whole


def last_name(expression: cst.BaseExpression) -> str:
    """Return the last name of a dotted expression (`SGD` of `torch.optim.SGD`); "" when there is none."""
    if isinstance(expression, cst.Attribute):
        return expression.attr.value
    return expression.value if isinstance(expression, cst.Name) else ""


def first_name(expression: cst.BaseExpression) -> cst.Name | None:
    """Return the name that attributes, subscripts and calls start from (`self` of `self.net[0].x`)."""
    while isinstance(expression, cst.Attribute | cst.Subscript | cst.Call):
        expression = expression.func if isinstance(expression, cst.Call) else expression.value
    return expression if isinstance(expression, cst.Name) else None
