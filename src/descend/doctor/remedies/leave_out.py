"""Remove a recorded statement, and the loops and conditions that contain nothing else.

A conversion to a tensor stays: `X = torch.tensor(X - X.mean(0))` becomes `X = torch.tensor(X)`.
"""

import libcst as cst

from descend.doctor.codemod.locate import statement_around
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.remove import remove_statement
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record
from descend.doctor.script.script import Script

TENSOR_OF = frozenset("tensor as_tensor from_numpy Tensor FloatTensor DoubleTensor LongTensor".split())


def leave_out(script: Script, record: Record, arguments: SiteArguments) -> Script:
    """Remove the recorded statement. If it also converts data to a tensor, keep the conversion alone."""
    site = suspected_site(script, record, arguments)
    syntax, statement = statement_around(script, site)
    if isinstance(statement, cst.Assign) and (tensor := _tensor_conversion(syntax, statement)) is not None:
        if syntax.code(tensor) == syntax.code(statement.value):
            raise NotApplicable(f"line {site.line} only creates a tensor")
        return script.edit(syntax.file, syntax.replace(statement.value, tensor))
    return script.edit(syntax.file, remove_statement(syntax, statement))


def _tensor_conversion(syntax: Syntax, assign: cst.Assign) -> cst.BaseExpression | None:
    """Return the tensor conversion of an assignment alone: `torch.tensor(X)` of `X = torch.tensor(f(X))`; else None."""
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
