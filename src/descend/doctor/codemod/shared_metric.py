"""Decide whether an edit would change the script's own metric, because one function computes both loss and test error.

Such an edit cannot be measured by the script's metric: a smaller number would only show that the metric has changed.
"""

from pathlib import Path

import libcst as cst

from descend.doctor.codemod.callers import MAX_CALLERS
from descend.doctor.codemod.functions import calls_to, function_around
from descend.doctor.codemod.locate import syntax_at
from descend.doctor.codemod.model_class import holds_layers
from descend.doctor.codemod.names import enclosing_class, value_of_target
from descend.doctor.codemod.not_applicable import if_applicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.script.script import Script


def is_shared_with_metric(script: Script, record: Record, site: Site) -> bool:
    """Return whether the function around a recorded place probably also computes the script's own metric.

    A function that always runs a backward pass measures only the training loss.
    """
    syntax = if_applicable(syntax_at, script, site)
    if syntax is None:
        return False
    return any(_is_called_elsewhere(syntax, f, record, site) for f in _functions_around_site(syntax, site))


def _is_called_elsewhere(syntax: Syntax, function: cst.FunctionDef, record: Record, site: Site) -> bool:
    """Return whether a function, or the only function that calls it, is called in several places."""
    for _ in range(MAX_CALLERS + 1):
        calls = _calls_to_function(syntax, function)
        if len(calls) != 1:
            return len(calls) > 1 and not _always_trains(syntax, function, record, site)
        caller = function_around(syntax, calls[0])
        if caller is None:
            return False
        function = caller
    return False


def is_in_network(script: Script, site: Site) -> bool:
    """Return whether a recorded place is in the class of a network, where it may affect a likelihood.

    In a flow, the density is correct only if the transformation and its log-determinant agree.
    """
    syntax = if_applicable(syntax_at, script, site)
    if syntax is None:
        return False
    return any(holds_layers(syntax, enclosing_class(syntax, f)) for f in _functions_around_site(syntax, site))


def _functions_around_site(syntax: Syntax, site: Site) -> list[cst.FunctionDef]:
    """Return the innermost function that contains a recorded place, as a list; [] at module level."""
    return [f for f in syntax.every(cst.FunctionDef) if syntax.spans_line(f, site.line)][-1:]


def _always_trains(syntax: Syntax, function: cst.FunctionDef, record: Record, site: Site) -> bool:
    """Return whether every call of the function that runs the recorded place also runs the backward pass."""
    backward = record.site(SiteKind.BACKWARD)
    if backward is None or Path(backward.file) != syntax.file or not syntax.spans_line(function, backward.line):
        return False
    choices = [node for node in syntax.every(cst.If, function) if syntax.spans_line(node, backward.line)]
    return all(syntax.spans_line(node, site.line) for node in choices)


def _calls_to_function(syntax: Syntax, function: cst.FunctionDef) -> list[cst.Call]:
    """Return the calls of a function; for ``forward`` and ``__call__``, the calls of objects of its class."""
    holder = enclosing_class(syntax, function)
    if holds_layers(syntax, holder):
        return []
    calls = syntax.every(cst.Call)
    if holder is None or function.name.value not in ("forward", "__call__"):
        return calls_to(syntax, function)
    made = [call for call in calls if last_name(call.func) == holder.name.value]
    names = {syntax.code(t) for t in syntax.every(cst.Name) if value_of_target(syntax, t) in made}
    return [call for call in calls if isinstance(call.func, cst.Name) and call.func.value in names]
