"""Compute a new tensor instead of changing a stored one in place.

row = row.add_(noise)       # row.add(noise)
row += noise                # row = row + noise
"""

import libcst as cst

from descend.doctor.codemod.locate import locate_node, statement_around
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.parentheses import OPERAND, parenthesize
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"inputs"})
OPERATORS: dict[type[cst.BaseAugOp], cst.BaseBinaryOp] = {
    cst.AddAssign: cst.Add(),
    cst.SubtractAssign: cst.Subtract(),
    cst.MultiplyAssign: cst.Multiply(),
    cst.DivideAssign: cst.Divide(),
}


def out_of_place(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Replace the call or the operator that changes stored rows by one that returns a new tensor."""
    site = record.site(SiteKind.TAKEN_ROWS, "changed")
    if site is None:
        raise NotApplicable("the run did not show which call changes the stored rows")
    if (found := if_applicable(locate_node, script, site, cst.Call)) is not None:
        syntax, call = found
        name = last_name(call.func)
        is_method = isinstance(call.func, cst.Attribute) and name.endswith("_") and not name.endswith("__")
        if not is_method or isinstance(syntax.parents[call], cst.Expr):
            raise NotApplicable(f"line {site.line} does not use the value of an in-place call")
        changed = call.with_changes(func=call.func.with_changes(attr=cst.Name(name[:-1])))
        return script.edit(syntax.file, syntax.replace(call, changed))
    syntax, statement = statement_around(script, site)
    operator = OPERATORS.get(type(statement.operator)) if isinstance(statement, cst.AugAssign) else None
    if operator is None or not isinstance(statement, cst.AugAssign) or not isinstance(statement.target, cst.Name):
        raise NotApplicable(f"line {site.line} has no operator that changes a variable in place")
    value = cst.BinaryOperation(statement.target, operator, parenthesize(statement.value, OPERAND))
    assign = cst.Assign([cst.AssignTarget(statement.target)], value)
    return script.edit(syntax.file, syntax.replace(statement, assign))
