"""The expression or statement that an instrument points at, in the source as it reads now."""

from collections.abc import Sequence
from typing import Any

import libcst as cst

from descend.record import Record, Site
from descend.script import Script
from descend.source.locate import in_characters, syntax_at
from descend.source.not_applicable import NotApplicable
from descend.source.shared_measure import is_in_network, measures_elsewhere
from descend.source.syntax import Node, Syntax, parse

# Kinds of places that a script's measure of errors, or of a likelihood, may go through.
BEHIND_THE_NETWORK = ("on_network", "on_loss", "of_loss", "loss_term", "penalty", "crossing")

# Of what is trained on: one function may make what is evaluated, too.
GIVEN = ("on_inputs", "on_fetched")


def pointed_at(script: Script, record: Record, dose: dict[str, Any]) -> Site | NotApplicable:
    """Return the site of the kind and place that a dose names; none that makes what the dose is judged on."""
    site = record.site(dose["kind"], dose["place"])
    if site is None:
        return NotApplicable("the run did not show where it is in the source")
    is_made_alike = dose.get("is_judged_by_error") or dose.get("is_judged_by_likelihood")  # as the loss may be
    may_be_shared = dose["kind"] in GIVEN or dose["kind"] in BEHIND_THE_NETWORK and is_made_alike
    is_told = may_be_shared and measures_elsewhere(script, record, site)
    if is_told or dose.get("is_judged_by_likelihood") and is_in_network(script, site):
        return NotApplicable(f"what line {site.line} makes is also what the script measures itself by")
    return site


def statement_at(script: Script, site: Site) -> tuple[Syntax, cst.BaseSmallStatement] | NotApplicable:
    """Return the simple statement around `site`, or why there is none that could be edited."""
    return _found(script, site, cst.BaseSmallStatement, whole=False)  # type: ignore[type-abstract]


def expression_at(script: Script, site: Site, kind: type[Node]) -> tuple[Syntax, Node] | NotApplicable:
    """Return the expression of that kind that begins and ends where `site` does, or why there is none."""
    return _found(script, site, kind, whole=True)


def one_of_at(script: Script, site: Site, kinds: Sequence[type[Node]]) -> tuple[Syntax, Node] | None:
    """Return the expression there that is of the first of these kinds, or None."""
    looked = (expression_at(script, site, kind) for kind in kinds)
    return next((found for found in looked if not isinstance(found, NotApplicable)), None)


def _found(script: Script, site: Site, kind: type[Node], *, whole: bool) -> tuple[Syntax, Node] | NotApplicable:
    """Return the node. Where other edits have been made before, it is the one that reads the same."""
    syntax = syntax_at(script, site)
    if isinstance(syntax, NotApplicable):
        return syntax
    original = parse(syntax.file, script.as_examined(syntax.file))
    if isinstance(original, NotApplicable):
        return original
    node = _at(original, site, kind, whole)
    if node is None:
        return NotApplicable(f"line {site.line} does not show it")
    alike, now = (_alike(tree, kind, original.code(node)) for tree in (original, syntax))
    if len(alike) != len(now):
        return NotApplicable(f"line {site.line} reads otherwise by now")
    return syntax, now[alike.index(node)]


def _at(syntax: Syntax, site: Site, kind: type[Node], whole: bool) -> Node | None:
    text = syntax.module.code
    begin = in_characters(text, site.line, site.column)
    end = in_characters(text, site.end_line or site.line, site.end_column)
    for node in syntax.every(kind):
        span = syntax.spans[node]
        start, stop = (span.start.line, span.start.column), (span.end.line, span.end.column)
        if (start, stop) == (begin, end) if whole else start <= begin <= stop:
            return node
    return None


def _alike(syntax: Syntax, kind: type[Node], code: str) -> list[Node]:
    return [node for node in syntax.every(kind) if syntax.code(node) == code]
