"""Find the statement that overwrites a setting, such as the learning rate, and edit the value that it writes.

for group in optimizer.param_groups:
    group["lr"] = get_lr(step)          # or group.update(lr=...), module.p = 0.9
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

import libcst as cst

from descend.doctor.codemod.argument_edits import NodeEdit, ScalarEdit, apply_edits
from descend.doctor.codemod.arguments import format_number, format_number_like, literal_expression
from descend.doctor.codemod.callers import call_chain
from descend.doctor.codemod.file_scalars import Scalar
from descend.doctor.codemod.literals import find_literal, is_read_elsewhere
from descend.doctor.codemod.locate import locate, statement_around
from descend.doctor.codemod.names import keyword_value, mapping_value, subscript_key
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.parentheses import OPERAND, parenthesize
from descend.doctor.codemod.proportionality import Factor, Factors, ProportionalFactors
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.script import Script

RELATIVE_TOLERANCE = 1e-6  # relative tolerance for recorded values, which may have been rounded to another number type
# A variable whose name contains one of these words counts as a learning rate.
LEARNING_RATE_WORDS = frozenset({"lr", "lrs", "rate", "eta", "alpha"})


@dataclass(frozen=True, eq=False)
class OverwritingStatement:
    """A statement that overwrites a setting, such as the learning rate, and the expression for the new value."""

    syntax: Syntax
    statement: cst.BaseSmallStatement
    value: cst.BaseExpression


def find_overwriting_statement(script: Script, record: Record, key: str, name: str) -> OverwritingStatement | None:
    """Return the recorded statement that overwrites the setting `name` of the object with the key `key`, or None.

    A statement that only multiplies the previous value does not count.
    """
    site = record.site(SiteKind.OVERWRITTEN, f"{key}.{name}")
    found = if_applicable(statement_around, script, site) if site is not None else None
    if found is None:
        return None
    syntax, statement = found
    value = _written_value(statement, name)
    if value is None or any(_names_setting(part, name) for part in syntax.every(cst.Subscript, value)):
        return None
    return OverwritingStatement(syntax, statement, value)


def _written_value(statement: cst.BaseSmallStatement, name: str) -> cst.BaseExpression | None:
    """Return the expression for the value that a statement assigns to the setting, or None."""
    if isinstance(statement, cst.Assign) and any(_names_setting(t.target, name) for t in statement.targets):
        return statement.value
    call = statement.value if isinstance(statement, cst.Expr) else None
    if not isinstance(call, cst.Call) or last_name(call.func) != "update":
        return None
    given = [value for a in call.args if (value := mapping_value(a.value, name)) is not None]
    return keyword_value(call, name) or next(iter(given), None)


def _names_setting(target: cst.BaseExpression, name: str) -> bool:
    """Return whether an expression refers to the setting `name`, as ``group["lr"]`` or ``module.p`` does."""
    if isinstance(target, cst.Subscript):
        return subscript_key(target) == name
    return isinstance(target, cst.Attribute) and target.attr.value == name


def set_overwritten_value(
    script: Script, record: Record, found: OverwritingStatement, setting: tuple[str, str], value: Any
) -> Script:
    """Return the script edited so that the statement that overwrites a setting writes `value`.

    The number that defines the written value is edited, or else the statement. `setting` is the name of the setting,
    and its name in messages.
    """
    syntax, (name, words) = found.syntax, setting
    is_idle = record.fact(facts.Ineffective, name) is not None
    literal = None if is_idle else find_literal(syntax, found.value, script.arguments)
    return apply_edits(script, syntax, [NodeEdit(literal or found.value, literal_expression(value))], words)


def rescale_learning_rate(
    script: Script, record: Record, found: OverwritingStatement, rates: tuple[float, float], key: str
) -> Script:
    """Return the script whose learning rates are all multiplied by the quotient of the new and the old one in `rates`.

    The numbers that the learning rate is proportional to are edited. Without such numbers, a factor is inserted.
    """
    old, new = rates
    # This is the statement in the source that the run executed.
    before = find_overwriting_statement(replace(script, edits=script.examined), record, key, "lr")
    if before is None or not old > 0:
        raise NotApplicable(
            f"line {found.syntax.line(found.statement)} sets the learning rate to a value that cannot be scaled"
        )
    factors = [] if record.fact(facts.Ineffective, "lr") else _factors_to_change(script, record, found, old, key)
    values = [] if not factors else _factor_values(_factors_to_change(script, record, before, old, key), before.syntax)
    if not factors or len(values) != len(factors):
        factor = cst.parse_expression(format_number(new / old))
        value = parenthesize(cst.parse_expression(before.syntax.code(before.value)), OPERAND)
        edits: list[NodeEdit | ScalarEdit] = [NodeEdit(found.value, cst.BinaryOperation(factor, cst.Multiply(), value))]
    else:
        edits = [_scaling_edit(number, value, (old, new), found.syntax) for number, value in zip(factors, values)]
    return apply_edits(script, found.syntax, edits, "learning rate")


def _factors_to_change(
    script: Script, record: Record, found: OverwritingStatement, old: float, key: str
) -> list[Factor]:
    """Return the numbers whose scaling scales the learning rate, in source order.

    Sets that contain a number equal to the learning rate are preferred, and then the smallest sets. A set is excluded
    if one of its numbers is also read for another purpose. Return [] if no set is left.
    """
    syntax, optimizer = found.syntax, record.fact(facts.Optimizer, key)
    known = [old, *([float(optimizer.lr)] if optimizer is not None and optimizer.lr else [])]
    alternatives = ProportionalFactors(script, record, syntax).factor_sets(found.value)
    places = {number: i for i, number in enumerate(dict.fromkeys(r for factors in alternatives for r in factors))}

    def sort_key(factors: Factors) -> tuple[bool, int, int]:
        """Return a sort key by which the preferred set of numbers to change comes first."""
        values = _factor_values(list(factors), syntax)
        is_named = any(isclose(v, k, rel_tol=RELATIVE_TOLERANCE) for v in values for k in known)
        return not is_named, len(factors), min((places[number] for number in factors), default=0)

    made = if_applicable(locate, script, record, SiteKind.OPTIMIZER, key)
    shared = [*call_chain(syntax, made.call)] if made is not None and made.syntax is syntax else []
    usable: list[Factors] = [
        factors
        for factors in alternatives
        if factors and all(_serves_learning_rate_only(syntax, r, shared) for r in factors)
    ]
    best = sorted(usable, key=sort_key)[:1]
    return sorted((number for factors in best for number in factors), key=lambda number: _source_order(number, syntax))


def _serves_learning_rate_only(syntax: Syntax, number: Factor, shared: Sequence[cst.CSTNode]) -> bool:
    """Return whether a number defines a learning rate and nothing else."""
    if isinstance(number, Scalar):
        return True
    holder = syntax.parents.get(number)
    if isinstance(holder, cst.AnnAssign):
        targets = [holder.target]
    else:
        targets = [t.target for t in holder.targets] if isinstance(holder, cst.Assign) else []
    names = [target for target in targets if isinstance(target, cst.Name)]
    return all(_names_learning_rate(n.value) or not is_read_elsewhere(syntax, n, [*shared, n]) for n in names)


def _names_learning_rate(name: str) -> bool:
    """Return whether a variable is named like a learning rate, as ``lr`` or ``base_lr`` is."""
    return not LEARNING_RATE_WORDS.isdisjoint(name.lower().split("_"))


def _source_order(number: Factor, syntax: Syntax) -> tuple[int, int]:
    """Return a sort key: numbers in settings files come first, then numbers in the source in their order."""
    if isinstance(number, Scalar):
        return 0, number.start
    return syntax.start(number)


def _factor_values(factors: Sequence[Factor], syntax: Syntax) -> list[float]:
    """Return the numbers at places in the source or in settings files as floats."""
    return [
        float((number.text if isinstance(number, Scalar) else syntax.code(number)).replace("_", ""))
        for number in factors
    ]


def _scaling_edit(number: Factor, value: float, rates: tuple[float, float], syntax: Syntax) -> NodeEdit | ScalarEdit:
    """Return the edit that multiplies one number by the quotient of the new and the old learning rate in `rates`."""
    old, new = rates
    scaled = new if isclose(value, old, rel_tol=RELATIVE_TOLERANCE) else float(format_number(value * new / old))
    if isinstance(number, Scalar):
        return ScalarEdit(number, scaled)
    return NodeEdit(number, cst.parse_expression(format_number_like(scaled, syntax.code(number))))
