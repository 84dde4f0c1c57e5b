"""Whether an edit would change what the script measures itself by: one function makes the loss and the test's error.

An edit within such a function is no remedy that the script's own number could judge: a smaller number would say
nothing but that it is measured otherwise.
"""

from pathlib import Path

import libcst as cst

from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script
from descend.doctor.source.callers import CALLERS
from descend.doctor.source.functions import calls_of, function_around
from descend.doctor.source.locate import syntax_at
from descend.doctor.source.model_class import holds_layers
from descend.doctor.source.names import enclosing_class, value_of_target
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name


def measures_elsewhere(script: Script, record: Record, site: Site) -> bool:
    """Whether the function around a site, no part of a network, is called in several places, and does not always train.

    What goes backward whenever it is called measures nothing that is not trained on.
    """
    syntax = syntax_at(script, site)
    if isinstance(syntax, NotApplicable):
        return False
    return any(_is_called_elsewhere(syntax, f, record, site) for f in _around(syntax, site))


def _is_called_elsewhere(syntax: Syntax, function: cst.FunctionDef, record: Record, site: Site) -> bool:
    """Whether a function is called in several places, or the one that alone calls it is."""
    for _ in range(CALLERS + 1):
        calls = _calls(syntax, function)
        if len(calls) != 1:
            return len(calls) > 1 and not _always_trains(syntax, function, record, site)
        caller = function_around(syntax, calls[0])
        if caller is None:
            return False
        function = caller
    return False


def is_in_network(script: Script, site: Site) -> bool:
    """Whether a site lies within a class of layers, which a likelihood is made of.

    The density of a flow is one only as long as what is done to a value and what its logarithm says go together.
    """
    syntax = syntax_at(script, site)
    if isinstance(syntax, NotApplicable):
        return False
    return any(holds_layers(syntax, enclosing_class(syntax, f)) for f in _around(syntax, site))


def _around(syntax: Syntax, site: Site) -> list[cst.FunctionDef]:
    """Return the innermost function around a site, if there is one."""
    return [f for f in syntax.every(cst.FunctionDef) if syntax.spans_line(f, site.line)][-1:]


def _always_trains(syntax: Syntax, function: cst.FunctionDef, record: Record, site: Site) -> bool:
    backward = record.site("backward")
    if backward is None or Path(backward.file) != syntax.file or not syntax.spans_line(function, backward.line):
        return False
    choices = [node for node in syntax.every(cst.If, function) if syntax.spans_line(node, backward.line)]
    return all(syntax.spans_line(node, site.line) for node in choices)


def _calls(syntax: Syntax, function: cst.FunctionDef) -> list[cst.Call]:
    holder = enclosing_class(syntax, function)
    if holds_layers(syntax, holder):
        return []
    calls = syntax.every(cst.Call)
    if holder is None or function.name.value not in ("forward", "__call__"):
        return calls_of(syntax, function)
    made = [call for call in calls if last_name(call.func) == holder.name.value]
    names = {syntax.code(t) for t in syntax.every(cst.Name) if value_of_target(syntax, t) in made}
    return [call for call in calls if isinstance(call.func, cst.Name) and call.func.value in names]
