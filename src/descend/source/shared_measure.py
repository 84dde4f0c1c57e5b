"""Whether an edit would change what the script measures itself by: one function makes the loss and the test's error.

An edit within such a function is no remedy that the script's own number could judge: a smaller number would say
nothing but that it is measured otherwise.
"""

import libcst as cst

from descend.record import Site
from descend.script import Script
from descend.source.callers import is_call_of_function
from descend.source.locate import syntax_at
from descend.source.model_class import layer_kind
from descend.source.names import enclosing_class, value_of_target
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import Syntax, last_name


def measures_elsewhere(script: Script, site: Site) -> bool:
    """Whether the function around a site, no part of a network, is called in several places."""
    syntax = syntax_at(script, site)
    if isinstance(syntax, NotApplicable):
        return False
    around = [f for f in syntax.every(cst.FunctionDef) if _spans(syntax, f, site.line)]
    return any(len(_calls(syntax, function)) > 1 for function in around[-1:])


def _spans(syntax: Syntax, function: cst.FunctionDef, line: int) -> bool:
    span = syntax.spans[function]
    return span.start.line <= line <= span.end.line


def _calls(syntax: Syntax, function: cst.FunctionDef) -> list[cst.Call]:
    holder = enclosing_class(syntax, function)
    if holder is not None and any(layer_kind(syntax, call) for call in syntax.every(cst.Call, holder)):
        return []
    calls = syntax.every(cst.Call)
    if holder is None or function.name.value not in ("forward", "__call__"):
        return [call for call in calls if is_call_of_function(syntax, call, function)]
    made = [call for call in calls if last_name(call.func) == holder.name.value]
    names = {syntax.code(t) for t in syntax.every(cst.Name) if value_of_target(syntax, t) in made}
    return [call for call in calls if isinstance(call.func, cst.Name) and call.func.value in names]
