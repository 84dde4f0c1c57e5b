"""The output activation taken away, for a loss that applies it by itself and expects logits.

A module becomes `nn.Identity()`, so that the names and numbers in a `state_dict` stay. Code of the same
script that reads probabilities from the model's output (a threshold at 0.5, a printed confidence) reads
logits afterwards: this is not rewritten. The class with the largest value is the same.
"""

import ast
from typing import Any

import libcst as cst

from descend.record import Record, Site
from descend.remedies.imports import import_module
from descend.remedies.insert import without_line
from descend.remedies.literals import is_number
from descend.remedies.locate import Place, locate_site
from descend.remedies.names import is_call_of
from descend.remedies.remedy import NotApplicable
from descend.remedies.syntax import last_name
from descend.script import Script

WHOLE = cst.Name | cst.Attribute | cst.Call | cst.Subscript  # stand anywhere without parentheses
LOOSE = cst.Assign | cst.AnnAssign | cst.Return | cst.Arg | cst.Expr | cst.Element | cst.DictElement | cst.Index


def feed_logits(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Remove the activation `dose["activation"]` at the model's output, wherever it was seen."""
    seen = [s for s in record.sites if (s.kind, s.key) == ("activation", "output")]
    if not seen:
        return NotApplicable(f"the run did not show where {dose['activation']} is applied in the source")
    for site in {(s.file, s.line, s.column, s.end_line, s.end_column): s for s in seen}.values():
        edited = _remove(script, site)
        if isinstance(edited, NotApplicable):
            return edited
        script = edited
    return script


def _remove(script: Script, site: Site) -> Script | NotApplicable:
    place = locate_site(script, site)
    if isinstance(place, NotApplicable):
        return place
    if not is_call_of(place.syntax, place.call, site.detail):
        return NotApplicable(place.inside)
    new: cst.BaseExpression
    if site.detail[:1].isupper():
        new = _identity(place)
    else:
        logits = _logits(place)
        if logits is None:
            return NotApplicable(f"line {place.syntax.line(place.call)} does not show what {site.detail} gets")
        new = _in_place_of(place, logits)
    file = place.syntax.file
    text: str | NotApplicable = _without_idle_line(place, new) or place.syntax.replace(place.call, new)
    if isinstance(text, str) and place.syntax.code(new) == "torch.nn.Identity()":
        text = import_module(file, text, "torch")
    return text if isinstance(text, NotApplicable) else script.edit(file, text)


def _without_idle_line(place: Place, logits: cst.BaseExpression) -> str | None:
    """Return the text without the statement, where it would only say `x = x`."""
    assign = place.syntax.parents[place.call]
    if not isinstance(assign, cst.Assign) or not isinstance(logits, cst.Name):
        return None
    targets = [place.syntax.code(target.target) for target in assign.targets]
    return without_line(place.syntax, assign) if targets == [logits.value] else None


def _identity(place: Place) -> cst.Call:
    callee = place.call.func
    if isinstance(callee, cst.Attribute) and last_name(callee.value) in ("nn", "modules"):
        return cst.Call(callee.with_changes(attr=cst.Name("Identity")))
    return cst.Call(cst.parse_expression("torch.nn.Identity"))


def _logits(place: Place) -> cst.BaseExpression | None:
    """Return what the activation is applied to: a function's first argument, or the receiver of a method."""
    call = place.call
    given = [a.value for a in call.args if a.star == "" and (a.keyword is None or a.keyword.value == "input")]
    first = given[0] if given else None
    if not isinstance(call.func, cst.Attribute) or place.syntax.is_module(call.func.value):
        return first
    if first is None or is_number(first):
        return call.func.value
    is_function = isinstance(call.func.value, cst.Name) and call.func.value.value == "self"
    return first if is_function else None  # `z.softmax(d)` and `ops.softmax(z)` look alike


def _in_place_of(place: Place, logits: cst.BaseExpression) -> cst.BaseExpression:
    is_loose = isinstance(place.syntax.parents[place.call], LOOSE) or isinstance(logits, WHOLE)
    if logits.lpar or (is_loose and _is_on_its_own(place.syntax.code(logits))):
        return logits
    return logits.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _is_on_its_own(code: str) -> bool:
    """Return whether an expression ends where a line ends that has no open bracket."""
    try:
        ast.parse(code, mode="eval")
    except SyntaxError:
        return False
    return True
