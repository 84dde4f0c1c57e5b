"""Take the entry of each example by its own index.

log_prob[:, action]        # log_prob.gather(1, action.unsqueeze(1)).squeeze(1)
"""

import libcst as cst

from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script


def own_entries(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Gather one entry of each row instead of indexing the second dimension of all rows."""
    site = record.site(SiteKind.ORDER_DEPENDENCE, "0")
    if site is None:
        raise NotApplicable("the run did not show which index is applied to all examples")
    syntax, taken = locate_node(script, site, cst.Subscript)
    first, *others = (element.slice for element in taken.slice)
    is_whole = isinstance(first, cst.Slice) and first.lower is None and first.upper is None
    if not is_whole or len(others) != 1 or not isinstance(others[0], cst.Index):
        raise NotApplicable(f"line {syntax.line(taken)} does not index the second dimension of all examples")
    index = parenthesize(others[0].value)
    entries = f"{syntax.code(taken.value)}.gather(1, {syntax.module.code_for_node(index)}.unsqueeze(1)).squeeze(1)"
    return script.edit(syntax.file, syntax.replace(taken, cst.parse_expression(entries)))
