"""A statement left out that an instrument points at, with the loops and conditions that it was all of.

Where it also makes a tensor of an array, that stays: `X = torch.tensor(X - X.mean(0))` becomes `X = torch.tensor(X)`.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.locate import statement_around
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.remove import remove
from descend.doctor.source.syntax import Syntax, last_name

TENSOR_OF = frozenset("tensor as_tensor from_numpy Tensor FloatTensor DoubleTensor LongTensor".split())


def leave_out(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Take away the statement at the site of `dose["kind"]` and `dose["place"]`."""
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = statement_around(script, site)
    if isinstance(found, NotApplicable):
        return found
    syntax, statement = found
    if isinstance(statement, cst.Assign) and (tensor := _tensor_of_itself(syntax, statement)) is not None:
        if syntax.code(tensor) == syntax.code(statement.value):
            return NotApplicable(f"line {site.line} makes a tensor, and does nothing else")
        return script.edit(syntax.file, syntax.replace(statement.value, tensor))
    return script.edit(syntax.file, remove(syntax, statement))


def _tensor_of_itself(syntax: Syntax, assign: cst.Assign) -> cst.BaseExpression | None:
    """Return `torch.tensor(X, …)`, with the methods that are called on it, where a statement so makes X of X."""
    if len(assign.targets) != 1:
        return None
    target = assign.targets[0].target
    name = syntax.code(target)
    makes = [call for call in syntax.every(cst.Call, assign.value) if last_name(call.func) in TENSOR_OF and call.args]
    if len(makes) != 1:
        return None
    reads = [*syntax.every(cst.Name, makes[0].args[0]), *syntax.every(cst.Attribute, makes[0].args[0])]
    if name not in {syntax.code(read) for read in reads}:
        return None
    outermost: cst.BaseExpression = makes[0]
    while isinstance(method := syntax.parents[outermost], cst.Attribute) and isinstance(
        syntax.parents[method], cst.Call
    ):
        outermost = cst.ensure_type(syntax.parents[method], cst.Call)
    given = makes[0].args[0]
    tensor = outermost.deep_replace(given, given.with_changes(value=target))
    assert isinstance(tensor, cst.BaseExpression)
    return tensor
