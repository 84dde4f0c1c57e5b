"""Draw the random index of a batch from all rows of the data.

batch = data[torch.randint(64, (64,))]        # torch.randint(len(data), (64,))
"""

import libcst as cst

from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.locate import locate, locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})  # Other examples are drawn.
LOW_HIGH_SIZE = 3  # torch.randint(low, high, size)


def draw_all_rows(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Replace the upper end of the drawn numbers by the length of the tensor whose rows are taken."""
    place, site = locate(script, record, SiteKind.TAKEN_ROWS, "draw"), record.site(SiteKind.TAKEN_ROWS, "drawn")
    syntax, line, function = place.syntax, place.syntax.line(place.call), last_name(place.call.func)
    other, taken = (syntax, None) if site is None else locate_node(script, site, cst.Subscript)
    if taken is None or other is not syntax:
        raise NotApplicable("the run did not show which tensor's rows are taken")
    if enclosing_scope(syntax, taken) is not enclosing_scope(syntax, place.call):
        raise NotApplicable(f"line {line} draws rows of a tensor that another function takes")
    positional = [argument for argument in place.call.args if argument.keyword is None]
    index = 1 if function == "randint" and len(positional) == LOW_HIGH_SIZE else 0
    high = find_argument(place.call, "high" if function == "randint" else "n", index)
    if function not in ("randint", "randperm") or high is None:
        raise NotApplicable(f"line {line} does not draw whole numbers up to a given one")
    return script.edit(
        syntax.file, syntax.replace(high.value, cst.parse_expression(f"len({syntax.code(taken.value)})"))
    )
