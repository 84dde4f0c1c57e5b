"""A batch whose first two dimensions are exchanged, where its values were only counted off anew.

x = x.view(28, -1, 3)       # x = x.transpose(0, 1)
"""

from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.locate import locate
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import last_name


def transpose_batch(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Write `x.transpose(0, 1)` for the `view` or `reshape` that cuts the examples up. It takes no dose."""
    place = locate(script, record, "mixing")
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
    new = cst.parse_expression(f"{syntax.code(values)}.transpose(0, 1)")
    return script.edit(syntax.file, syntax.replace(call, new))
