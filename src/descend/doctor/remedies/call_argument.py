"""Set one argument of a call: `logsumexp(x, dim=1)` for `dim=0`, `argsort(time, descending=True)`."""

from dataclasses import dataclass
from typing import Any

import libcst as cst

from descend.doctor.codemod.arguments import find_argument, keyword_argument, literal_expression, with_arguments
from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record
from descend.doctor.script.script import Script


@dataclass(frozen=True, kw_only=True)
class CallArgumentArguments(SiteArguments):
    """Arguments of the remedy `call_argument`, which sets one argument of a recorded call."""

    keyword: str
    value: Any
    index: int  # position of the argument in a tensor method's call, from 0; -1 for a keyword-only argument


def call_argument(script: Script, record: Record, arguments: CallArgumentArguments) -> Script:
    """Set one argument of the recorded call to the given value, for example `dim=1` in `logsumexp(x, dim=0)`."""
    site = suspected_site(script, record, arguments)
    syntax, call = locate_node(script, site, cst.Call)
    name, value = arguments.keyword, literal_expression(arguments.value)
    if last_name(call.func).strip("_") != site.detail:
        raise NotApplicable(f"line {site.line} does not contain the call of {site.detail}")
    is_method = isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value)
    index = arguments.index + (0 if is_method else 1) if arguments.index >= 0 else None
    given = find_argument(call, name, index)
    if given is None:
        changed = with_arguments(call, [*call.args, keyword_argument(name, value)])
        return script.edit(syntax.file, syntax.replace(call, changed))
    return script.edit(syntax.file, syntax.replace(given.value, value))
