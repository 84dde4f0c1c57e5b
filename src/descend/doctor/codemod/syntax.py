"""The syntax tree of one file, with the position, parent and scope of every node."""

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

from descend.core.bound import Count
from descend.doctor.codemod.not_applicable import NotApplicable

DEEPEST = Count(
    200,
    "nested nodes",
    "calibrated on nested sums, calls, attributes, brackets and elif branches: at a depth of 240, copying and "
    "comparing a tree reach Python's recursion limit of 1000",
)

Node = TypeVar("Node", bound=cst.CSTNode)
# A function that gets a node, whose children are already changed, and returns its replacement.
Change = Callable[[cst.CSTNode], cst.CSTNode]


@dataclass(frozen=True, eq=False)
class Syntax:
    """The syntax tree of one file, from which exactly the file's text can be restored."""

    file: Path
    module: cst.Module
    spans: Mapping[cst.CSTNode, CodeRange]  # positions of all nodes; lines count from 1, columns from 0
    parents: Mapping[cst.CSTNode, cst.CSTNode]
    scopes: Mapping[cst.CSTNode, Scope | None]

    def code(self, node: cst.CSTNode) -> str:
        """Return the source code of the node."""
        return self.module.code_for_node(node)

    def line(self, node: cst.CSTNode) -> int:
        """Return the number of the line on which the node begins."""
        return self.spans[node].start.line

    def start(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the line and the column at which the node starts."""
        position = self.spans[node].start
        return position.line, position.column

    def end(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the line and the column at which the node ends."""
        position = self.spans[node].end
        return position.line, position.column

    def spans_line(self, node: cst.CSTNode, line: int) -> bool:
        """Return whether the node contains the line or a part of it."""
        return self.spans[node].start.line <= line <= self.spans[node].end.line

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes that contain the node, from the inside out."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def every(self, kind: type[Node], within: cst.CSTNode | None = None) -> list[Node]:
        """Return all nodes of type `kind` in the file, or in the node `within`, in source order."""
        found = [n for n in (self.spans if within is None else descendants(within)) if isinstance(n, kind)]
        return sorted(found, key=self.start)

    def is_module(self, expression: cst.BaseExpression) -> bool:
        """Return whether an expression is an imported name, such as `F`, or an attribute of one, such as `torch.nn`."""
        while isinstance(expression, cst.Attribute):
            expression = expression.value
        name = expression if isinstance(expression, cst.Name) else None
        scope = self.scopes.get(name) if name is not None else None
        if name is None or scope is None:
            return False
        return any(isinstance(bound, ImportAssignment) for bound in scope[name.value])

    def replace(self, old: cst.CSTNode, new: cst.CSTNode) -> str:
        """Return the edited source in which the node `new` replaces the node `old`."""
        changed = self.module.deep_replace(old, new)
        return changed.code if isinstance(changed, cst.Module) else self.module.code

    def rewrite(self, changes: Mapping[cst.CSTNode, Change]) -> str:
        """Return the edited source after changes to several nodes, which may contain each other."""
        changed = self.module.visit(_Rewriting(changes))
        return changed.code if isinstance(changed, cst.Module) else self.module.code

    def replace_all(self, others: Mapping[cst.CSTNode, cst.CSTNode]) -> str:
        """Return the edited source in which each of several nodes is replaced by another one."""
        return self.rewrite({old: partial(_return_new, new) for old, new in others.items()})


def _return_new(new: cst.CSTNode, old: cst.CSTNode) -> cst.CSTNode:
    """Return `new` as the node that replaces `old`."""
    return new


class _Rewriting(cst.CSTTransformer):
    """Applies a change to each of several nodes of a syntax tree."""

    def __init__(self, changes: Mapping[cst.CSTNode, Change]) -> None:
        super().__init__()
        self.changes = changes

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        """Return the changed node, or the node itself if it has no change."""
        change = self.changes.get(original_node)
        return updated_node if change is None else change(updated_node)


# The result is cached, because remedies parse the same text several times.
@lru_cache(maxsize=8)
def parse(file: Path, text: str) -> Syntax:
    """Return the syntax tree of `text`. Raise NotApplicable if libcst cannot read the text."""
    try:
        return _parsed(file, text)
    except RecursionError as error:
        raise NotApplicable(f"{file.name} cannot be edited: it is nested too deeply") from error


def _parsed(file: Path, text: str) -> Syntax:
    """Return the syntax tree of `text`. Raise RecursionError if the text is nested too deeply."""
    try:
        wrapper = MetadataWrapper(cst.parse_module(text))
    except cst.ParserSyntaxError as error:
        raise NotApplicable(f"{file.name} cannot be edited: {error.message} in line {error.raw_line}") from error
    if wrapper.module.code != text:
        raise NotApplicable(f"{file.name} cannot be edited without changing other lines too")
    spans, parents = wrapper.resolve(PositionProvider), wrapper.resolve(ParentNodeProvider)
    if _depth(parents) > DEEPEST:
        raise RecursionError
    return Syntax(file, wrapper.module, spans, parents, wrapper.resolve(ScopeProvider))


def _depth(parents: Mapping[cst.CSTNode, cst.CSTNode]) -> int:
    """Return the largest depth at which a node of the tree is nested in other nodes."""
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
    """Yield the node itself and all nodes in it."""
    yield node
    for child in node.children:
        yield from descendants(child)


def dotted_name_expression(name: str) -> cst.Name | cst.Attribute:
    """Return the syntax tree node of a dotted name such as ``torch.nn.ReLU``."""
    head, *others = name.split(".")
    whole: cst.Name | cst.Attribute = cst.Name(head)
    for other in others:
        whole = cst.Attribute(whole, cst.Name(other))
    return whole


def last_name(expression: cst.BaseExpression) -> str:
    """Return the last part of a dotted name, ``SGD`` for ``torch.optim.SGD``, or "" for other expressions."""
    if isinstance(expression, cst.Attribute):
        return expression.attr.value
    return expression.value if isinstance(expression, cst.Name) else ""


def first_name(expression: cst.BaseExpression) -> cst.Name | None:
    """Return the name at the start of an expression, ``self`` for ``self.net[0].x``; None if it starts otherwise."""
    while isinstance(expression, cst.Attribute | cst.Subscript | cst.Call):
        expression = expression.func if isinstance(expression, cst.Call) else expression.value
    return expression if isinstance(expression, cst.Name) else None
