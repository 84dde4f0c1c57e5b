"""Exchange dimensions with a transpose, where a `view` or `reshape` only recounts the values.

x = x.view(28, -1, 3)       # x = x.transpose(0, 1)
text = text.view(-1, 20)    # text = text.view(20, -1).swapaxes(0, 1): of data whose own sizes are not known

All equal calls in the file change, so that training and evaluation data get the same shape.
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.locate import locate, locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.reshape_sizes import explicit_sizes, reshape_then_swap_axes
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script

# The remedy reorders values, so it may change the inputs and their pairing with the targets.
REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})


@dataclass(frozen=True, kw_only=True)
class TransposeArguments(SiteArguments):
    """Arguments of the remedy `transpose`, which replaces a `view` or `reshape`."""

    kind: str = ""
    place: str = ""
    site: str = ""  # kind of the recorded `view` or `reshape` that `call` replaces
    call: str = ""  # call that replaces the `view` or `reshape`, such as "transpose(0, 1)"
    reshapes: bool = False  # whether the call precedes the reshape instead, because the sizes change, too


def transpose(script: Script, record: Record, arguments: TransposeArguments) -> Script:
    """Replace a recorded `view` or `reshape` by a `transpose` or `permute`.

    Without such a call the edit swaps the order in which the sizes of a `view` or `reshape` are counted.
    """
    if not arguments.call:
        return _with_swapped_sizes(script, record, arguments)
    place = locate(script, record, SiteKind(arguments.site), arguments.place or None)
    syntax, call = place.syntax, place.call
    line = syntax.line(call)
    name = last_name(call.func)
    if (
        name not in ("view", "reshape", "flatten")
        or name == "flatten"
        and not arguments.reshapes
        or not isinstance(call.func, cst.Attribute)
    ):
        raise NotApplicable(place.indirect_call_message)
    values, sizes = call.func.value, call.args
    if syntax.is_module(values):  # torch.reshape(x, …)
        if not call.args or call.args[0].keyword is not None:
            raise NotApplicable(f"line {line} does not contain the tensor that is reshaped")
        values, sizes = call.args[0].value, call.args[1:]
    new = cst.parse_expression(f"{syntax.code(parenthesize(values))}.{arguments.call}")
    if arguments.reshapes:
        new = cst.Call(cst.Attribute(new, cst.Name("flatten" if name == "flatten" else "reshape")), sizes)
    return _replace_equal_calls(script, syntax, call, new)


def _with_swapped_sizes(script: Script, record: Record, arguments: TransposeArguments) -> Script:
    """Return the script with the recorded `x.view(a, b)` replaced by a view of sizes (b, a) with swapped axes."""
    site = suspected_site(script, record, arguments)
    syntax, call = locate_node(script, site, cst.Call)
    if not explicit_sizes(call):
        raise NotApplicable(f"line {site.line} does not contain the sizes of the reshaped tensor")
    return _replace_equal_calls(script, syntax, call, reshape_then_swap_axes(call))


def _replace_equal_calls(script: Script, syntax: Syntax, call: cst.Call, new: cst.BaseExpression) -> Script:
    """Return the script in which `new` replaces each call that has the same source code as `call`."""
    alike = [other for other in syntax.every(cst.Call) if syntax.code(other) == syntax.code(call)]
    return script.edit(syntax.file, syntax.replace_all(dict.fromkeys(alike, new)))
