"""Dimensions that are exchanged, where the values were only counted off anew.

x = x.view(28, -1, 3)       # x = x.transpose(0, 1)
text = text.view(-1, 20)    # text = text.view(20, -1).swapaxes(0, 1): of data whose own sizes are not known

Wherever the file has the very same call: what is trained on and what is evaluated are shaped alike.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script
from descend.doctor.source.counted import counted_otherwise, counted_sizes
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.locate import locate, locate_node
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name

REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})  # values are moved, and none is changed


def transpose(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Write `dose["call"]`, a `transpose` or `permute`, for the `view` or `reshape` at the site `dose["site"]`.

    Without such a call the values at the site of `dose["kind"]` and `dose["place"]` are counted off in the other order.
    """
    if "call" not in dose:
        return _counted_otherwise(script, record, dose)
    place = locate(script, record, dose["site"])
    if isinstance(place, NotApplicable):
        return place
    syntax, call = place.syntax, place.call
    line = syntax.line(call)
    if last_name(call.func) not in ("view", "reshape") or not isinstance(call.func, cst.Attribute):
        return NotApplicable(place.inside)
    values = call.func.value
    if syntax.is_module(values):  # torch.reshape(x, …)
        if not call.args or call.args[0].keyword is not None:
            return NotApplicable(f"line {line} does not show what is reshaped")
        values = call.args[0].value
    new = cst.parse_expression(f"{syntax.code(values)}.{dose['call']}")
    return _written(script, syntax, call, new)


def _counted_otherwise(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = locate_node(script, site, cst.Call)
    if isinstance(found, NotApplicable):
        return found
    syntax, call = found
    if not counted_sizes(call):
        return NotApplicable(f"line {site.line} does not show the sizes that it gives its values")
    return _written(script, syntax, call, counted_otherwise(call))


def _written(script: Script, syntax: Syntax, call: cst.Call, new: cst.BaseExpression) -> Script:
    alike = [other for other in syntax.every(cst.Call) if syntax.code(other) == syntax.code(call)]
    return script.edit(syntax.file, syntax.replace_all(dict.fromkeys(alike, new)))
