"""Inputs brought to mean 0 and standard deviation 1 as the model gets them (LeCun et al. 1998, section 4.3).

The fit is `descend.network.standardise_inputs`: it takes the statistics from the training data once, so the
line may stand in a function that is called for every epoch.
"""

from dataclasses import dataclass, replace
from typing import Any

import libcst as cst

from descend.record import Record
from descend.remedies.bindings import bound_in, loops_around, parameter_names
from descend.remedies.data_source import Source, find_source
from descend.remedies.imports import import_name
from descend.remedies.insert import insert_before
from descend.remedies.locate import Place, locate
from descend.remedies.remedy import NotApplicable
from descend.remedies.syntax import Syntax, descendants, first_name, last_name
from descend.script import Script

CALLERS = 3  # functions between the model's call and the loop
LIBRARY_LOOPS = {"fit", "train", "run", "launch"}  # what a loop in a library is called


@dataclass(frozen=True, eq=False)
class Feed:
    """A model, the data for it, and the node around which the training loop is looked for."""

    model: str
    source: Source
    at: cst.CSTNode


def standardise_inputs(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `standardise_inputs(model, data)` before the outermost training loop. It takes no dose."""
    place = locate(script, record, "model_call")
    if isinstance(place, NotApplicable):
        return place
    feed = _find_feed(place)
    if isinstance(feed, NotApplicable):
        return feed
    text = _insert(place.syntax, feed)
    if isinstance(text, str):
        text = import_name(place.syntax.file, text, "descend.network", "standardise_inputs")
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _find_feed(place: Place) -> Feed | NotApplicable:
    syntax, call = place.syntax, place.call
    if reason := _obstacle(place):
        return NotApplicable(reason)
    feed = Feed(syntax.code(call.func), find_source(syntax, call.args[0].value, call), call)
    for _ in range(CALLERS):
        function = feed.source.function
        if function is None:
            break
        caller = _only_caller(syntax, function)
        if caller is None:
            return NotApplicable(f"the batch comes into `{function.name.value}` from several places or none")
        carried = _at_caller(syntax, feed, function, caller)
        if isinstance(carried, NotApplicable):
            return carried
        feed = carried
    if not feed.source.expressions:
        return NotApplicable(f"no data to fit on: {feed.source.reason}")
    return _outside_closure(syntax, feed)


def _outside_closure(syntax: Syntax, feed: Feed) -> Feed:
    """Return the feed at the only use of the function around it, if both need nothing of that function."""
    functions = [outer for outer in syntax.ancestors(feed.at) if isinstance(outer, cst.FunctionDef)]
    if loops_around(syntax, feed.at) or not functions:
        return feed
    function = functions[0]
    uses = [name for name in syntax.every(cst.Name) if name.value == function.name.value]
    others = [name for name in uses if name is not function.name]
    own = {*parameter_names(function), *bound_in(syntax, function)}
    reads = _reads(feed.model) | _reads(feed.source.expressions[0])
    if len(others) != 1 or own & {read.split(".")[0] for read in reads}:
        return feed
    return replace(feed, at=others[0])


def _obstacle(place: Place) -> str:
    syntax, call = place.syntax, place.call
    line = syntax.line(call)
    if last_name(call.func) == "forward":
        return f"line {line} calls forward() directly, which goes past the hooks of a module"
    if last_name(call.func) in LIBRARY_LOOPS:
        return place.inside
    root = first_name(call.func)
    if root is None or syntax.is_module(root) or syntax.every(cst.Call, call.func):
        return f"line {line} has no name for the model that it calls"
    if not call.args or call.args[0].keyword is not None or call.args[0].star:
        return f"line {line} gives the model no inputs by their place"
    return ""


def _only_caller(syntax: Syntax, function: cst.FunctionDef) -> cst.Call | None:
    calls = [c for c in syntax.every(cst.Call) if last_name(c.func) == function.name.value]
    training = [call for call in calls if _is_training(syntax, call)] if len(calls) > 1 else calls
    return training[0] if len(training) == 1 else None


def _is_training(syntax: Syntax, call: cst.Call) -> bool:
    """Return whether the loop around the call also calls `backward()` or `step()`."""
    around = loops_around(syntax, call)[-1:]
    return any(last_name(c.func) in ("backward", "step") for loop in around for c in syntax.every(cst.Call, loop))


def _at_caller(syntax: Syntax, feed: Feed, function: cst.FunctionDef, caller: cst.Call) -> Feed | NotApplicable:
    """Return the same feed, in the words of the function that calls this one."""
    given = _given(function, caller)
    batch = given.get(feed.source.name)
    head, dot, rest = feed.model.partition(".")
    model = given[head] if head in given else None
    own = {*parameter_names(function), *bound_in(syntax, function)}
    if batch is None or (model is None and head in own):
        name = function.name.value
        return NotApplicable(f"line {syntax.line(caller)} does not show what `{name}` gets as its batch")
    carried = (syntax.code(model) if model is not None else head) + dot + rest
    return Feed(carried, find_source(syntax, batch, caller, feed.source.path), caller)


def _given(function: cst.FunctionDef, caller: cst.Call) -> dict[str, cst.BaseExpression]:
    """Return what the call gives to each of the function's parameters, as far as it can be read."""
    names = parameter_names(function)
    values = [a.value for a in caller.args if a.keyword is None and not a.star]
    if names[:1] == ["self"] and isinstance(caller.func, cst.Attribute):
        values = [caller.func.value, *values]
    given = dict(zip(names, values))
    return given | {a.keyword.value: a.value for a in caller.args if a.keyword is not None}


def _insert(syntax: Syntax, feed: Feed) -> str | NotApplicable:
    """Insert before the outermost loop at which both the model and the data are there already."""
    loops = loops_around(syntax, feed.at)
    for loop in loops:
        made_inside = bound_in(syntax, loop)
        for data in feed.source.expressions:
            if not made_inside & (_reads(feed.model) | _reads(data)):
                return insert_before(syntax, loop, f"standardise_inputs({feed.model}, {data})")
    if loops:
        return NotApplicable(f"`{feed.source.expressions[0]}` or `{feed.model}` is made inside the loop")
    return insert_before(syntax, feed.at, f"standardise_inputs({feed.model}, {feed.source.expressions[0]})")


def _reads(code: str) -> set[str]:
    """Return the names that an expression reads, and its attributes with all that is before their dot."""
    parts = list(descendants(cst.parse_expression(code)))
    apart = {id(p.attr) for p in parts if isinstance(p, cst.Attribute)}
    apart |= {id(p.keyword) for p in parts if isinstance(p, cst.Arg)}
    chains = [p for p in parts if isinstance(p, cst.Name | cst.Attribute) and id(p) not in apart]
    return {cst.Module([]).code_for_node(chain) for chain in chains}
