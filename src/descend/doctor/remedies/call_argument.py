"""One argument of a call with another value: `logsumexp(x, dim=1)` for `dim=0`, `argsort(time, descending=True)`."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument, keyword, with_arguments, written
from descend.doctor.source.exact import pointed_at
from descend.doctor.source.locate import locate_node
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import last_name


def call_argument(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Set argument `dose["keyword"]` to `dose["value"]` at the site of `dose["kind"]` and `dose["place"]`.

    index: its place behind what the call is made of, where it may be given by place; else -1.
    """
    site = pointed_at(script, record, dose)
    if isinstance(site, NotApplicable):
        return site
    found = locate_node(script, site, cst.Call)
    if isinstance(found, NotApplicable):
        return found
    syntax, call = found
    name, value = dose["keyword"], written(dose["value"])
    if last_name(call.func).strip("_") != site.detail:
        return NotApplicable(f"line {site.line} does not show the call of {site.detail}")
    is_method = isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value)
    index = dose["index"] + (0 if is_method else 1) if dose["index"] >= 0 else None
    given = find_argument(call, name, index)
    if given is None:
        changed = with_arguments(call, [*call.args, keyword(name, value)])
        return script.edit(syntax.file, syntax.replace(call, changed))
    return script.edit(syntax.file, syntax.replace(given.value, value))
