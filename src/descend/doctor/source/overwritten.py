"""The statement that overwrites a setting after it is made, and where the value that it writes comes from.

for group in optimizer.param_groups:
    group["lr"] = get_lr(step)          # or group.update(lr=...), module.p = 0.9
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import number_like, number_text, written
from descend.doctor.source.brackets import OPERAND, bracketed
from descend.doctor.source.callers import way_out
from descend.doctor.source.configuration import Scalar
from descend.doctor.source.literals import follow, is_read_elsewhere
from descend.doctor.source.locate import Place, locate, statement_around
from descend.doctor.source.names import given_keyword, mapping_entry, subscript_key
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.proportional import Proportional, Root, Roots
from descend.doctor.source.setting import Edit, Reset, apply
from descend.doctor.source.syntax import Syntax, last_name

CLOSE = 1e-6  # relative; what a run shows has been through other types
TELLING = frozenset({"lr", "lrs", "rate", "eta", "alpha"})  # a part of a name that says that it is a learning rate


@dataclass(frozen=True, eq=False)
class Overwriting:
    """A statement that overwrites a setting, and the expression of the value that it writes."""

    syntax: Syntax
    statement: cst.BaseSmallStatement
    value: cst.BaseExpression


def overwriting(script: Script, record: Record, key: str, name: str) -> Overwriting | None:
    """Return the statement that overwrites the setting `name` of what `key` names; None where none is known.

    A statement that only multiplies the value before is none.
    """
    site = record.site("overwritten", f"{key}.{name}")
    found = statement_around(script, site) if site is not None else None
    if found is None or isinstance(found, NotApplicable):
        return None
    syntax, statement = found
    value = _written_value(statement, name)
    if value is None or any(_names_setting(part, name) for part in syntax.every(cst.Subscript, value)):
        return None
    return Overwriting(syntax, statement, value)


def _written_value(statement: cst.BaseSmallStatement, name: str) -> cst.BaseExpression | None:
    if isinstance(statement, cst.Assign) and any(_names_setting(t.target, name) for t in statement.targets):
        return statement.value
    call = statement.value if isinstance(statement, cst.Expr) else None
    if not isinstance(call, cst.Call) or last_name(call.func) != "update":
        return None
    given = [value for a in call.args if (value := mapping_entry(a.value, name)) is not None]
    return given_keyword(call, name) or next(iter(given), None)


def _names_setting(target: cst.BaseExpression, name: str) -> bool:
    """Whether an expression is `group["lr"]` or `module.p`."""
    if isinstance(target, cst.Subscript):
        return subscript_key(target) == name
    return isinstance(target, cst.Attribute) and target.attr.value == name


def overwrite(
    script: Script, record: Record, found: Overwriting, setting: tuple[str, str], value: Any
) -> Script | NotApplicable:
    """Return the script that writes `value` there: the number that it comes from is changed, or the statement.

    setting: its name, and what it is called in a sentence.
    """
    syntax, (name, words) = found.syntax, setting
    is_idle = record.fact(facts.Ineffective, name) is not None
    literal = None if is_idle else follow(syntax, found.value, script.arguments)
    return apply(script, syntax, [Edit(literal or found.value, written(value))], words)


def rescale(
    script: Script, record: Record, found: Overwriting, rates: tuple[float, float], key: str
) -> Script | NotApplicable:
    """Return the script whose learning rate is `rates[1]` where it was `rates[0]`, and scaled alike elsewhere.

    The numbers that the rate comes from are changed; where none are found, the statement multiplies it.
    """
    old, new = rates
    before = overwriting(replace(script, edits=script.examined), record, key, "lr")  # as the run has read it
    if before is None or not old > 0:
        return NotApplicable(f"line {found.syntax.line(found.statement)} sets the learning rate in a way of its own")
    roots = [] if record.fact(facts.Ineffective, "lr") else _roots(script, record, found, old, key)
    values = [] if not roots else _values(_roots(script, record, before, old, key), before.syntax)
    if not roots or len(values) != len(roots):
        factor = cst.parse_expression(number_text(new / old))
        value = bracketed(cst.parse_expression(before.syntax.code(before.value)), OPERAND)
        edits: list[Edit | Reset] = [Edit(found.value, cst.BinaryOperation(factor, cst.Multiply(), value))]
    else:
        edits = [_scaled(root, value, (old, new), found.syntax) for root, value in zip(roots, values)]
    return apply(script, found.syntax, edits, "learning rate")


def _roots(script: Script, record: Record, found: Overwriting, old: float, key: str) -> list[Root]:
    """Return the numbers to be changed in the order of the source: with one that is the rate, and as few as possible.

    None where one of them is read for another purpose, too.
    """
    syntax, optimizer = found.syntax, record.fact(facts.Optimizer, key)
    known = [old, *([float(optimizer.lr)] if optimizer is not None and optimizer.lr else [])]
    alternatives = Proportional(script, record, syntax).alternatives(found.value)
    places = {root: i for i, root in enumerate(dict.fromkeys(r for roots in alternatives for r in roots))}

    def rank(roots: Roots) -> tuple[bool, int, int]:
        values = _values(list(roots), syntax)
        is_named = any(isclose(v, k, rel_tol=CLOSE) for v in values for k in known)
        return not is_named, len(roots), min((places[root] for root in roots), default=0)

    made = locate(script, record, "optimizer", key)
    shared = [*way_out(syntax, made.call)] if isinstance(made, Place) and made.syntax is syntax else []
    usable: list[Roots] = [roots for roots in alternatives if roots and all(_is_free(syntax, r, shared) for r in roots)]
    best = sorted(usable, key=rank)[:1]
    return sorted((root for roots in best for root in roots), key=lambda root: _position(root, syntax))


def _is_free(syntax: Syntax, root: Root, shared: Sequence[cst.CSTNode]) -> bool:
    """Whether a number serves the learning rate alone: its name says so, or it is read where the rate is made."""
    if isinstance(root, Scalar):
        return True
    holder = syntax.parents.get(root)
    if isinstance(holder, cst.AnnAssign):
        targets = [holder.target]
    else:
        targets = [t.target for t in holder.targets] if isinstance(holder, cst.Assign) else []
    names = [target for target in targets if isinstance(target, cst.Name)]
    return all(_is_telling(n.value) or not is_read_elsewhere(syntax, n, [*shared, n]) for n in names)


def _is_telling(name: str) -> bool:
    return not TELLING.isdisjoint(name.lower().split("_"))


def _position(root: Root, syntax: Syntax) -> tuple[int, int]:
    if isinstance(root, Scalar):
        return 0, root.start
    start = syntax.spans[root].start
    return start.line, start.column


def _values(roots: Sequence[Root], syntax: Syntax) -> list[float]:
    return [float((root.text if isinstance(root, Scalar) else syntax.code(root)).replace("_", "")) for root in roots]


def _scaled(root: Root, value: float, rates: tuple[float, float], syntax: Syntax) -> Edit | Reset:
    old, new = rates
    scaled = new if isclose(value, old, rel_tol=CLOSE) else float(number_text(value * new / old))
    if isinstance(root, Scalar):
        return Reset(root, scaled)
    return Edit(root, cst.parse_expression(number_like(scaled, syntax.code(root))))
