"""A model and the data that it is trained on, followed out to the training loop.

The batch may come into the function that calls the model as a parameter: then the data are looked for where
that function is called, in the words of its caller.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from descend.doctor.script.script import Script
from descend.doctor.source.bindings import bound_in, loops_around
from descend.doctor.source.called_model import called_model
from descend.doctor.source.callers import CALLERS, only_caller
from descend.doctor.source.data_source import find_source
from descend.doctor.source.flow import PARTS, Source
from descend.doctor.source.functions import function_around, given_arguments, parameter_names
from descend.doctor.source.imports import import_name
from descend.doctor.source.insert import insert_before
from descend.doctor.source.locate import Place
from descend.doctor.source.main_block import trains_when_imported
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.own_function import with_function
from descend.doctor.source.syntax import Syntax, descendants, last_name


@dataclass(frozen=True, eq=False)
class Feed:
    """A model, the data for it, and the node around which the training loop is looked for."""

    model: str
    source: Source
    at: cst.CSTNode
    part: int = 0  # 0 follows the inputs, 1 the targets


def model_called(place: Place) -> str | NotApplicable:
    """Return the expression for the model that is called, or why its hooks would not see that."""
    syntax, call = place.syntax, place.call
    if last_name(call.func) == "forward":
        return NotApplicable(
            f"line {syntax.line(call)} calls forward() directly, which goes past the hooks of a module"
        )
    return called_model(place)


def find_feed(syntax: Syntax, model: str, values: cst.BaseExpression, at: cst.CSTNode, part: int = 0) -> Feed:
    """Return the feed by which `values`, read at `at`, come to the model."""
    return Feed(model, find_source(syntax, values, at, part=part), at, part)


def insert_fit(
    script: Script, syntax: Syntax, feed: Feed, name: str, write: Callable[[Source], str] | None = None
) -> Script | NotApplicable:
    """Insert `name(model, data)` before the outermost training loop.

    write: returns the code of that function for such data; where there is none it is one of descend.network.
    """
    carried = fit_place(syntax, feed)
    if isinstance(carried, NotApplicable):
        return carried
    text = insert_before_training(syntax, carried, lambda data: [f"{name}({carried.model}, {data})"])
    code = write(carried.source) if write else ""
    if isinstance(text, str) and code:
        text = with_function(syntax.file, text, code)
    elif isinstance(text, str):
        text = import_name(syntax.file, text, "descend.network", name)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def fit_place(syntax: Syntax, feed: Feed) -> Feed | NotApplicable:
    """Return the feed where something can be fitted to the data before the training.

    A function that trains keeps it if only the main block calls it: a fit there would be missing from an import.
    """
    return carry_out(syntax, feed, to_main_block=False)


def carry_out(syntax: Syntax, feed: Feed, *, to_main_block: bool = True) -> Feed | NotApplicable:
    """Return the feed where both the model and its data are there from outside, or why it is not found."""
    for _ in range(CALLERS):
        function = feed.source.function
        if function is None:
            break
        caller = only_caller(syntax, function)
        if caller is None:
            return NotApplicable(f"the batch comes into `{function.name.value}` from several places or none")
        carried = _at_caller(syntax, feed, function, caller)
        if isinstance(carried, NotApplicable):
            return carried
        feed = carried
    if not feed.source.expressions:
        what = "no data" if feed.part == 0 else f"no {PARTS[feed.part]}"
        return NotApplicable(f"{what} to fit on: {feed.source.reason}")
    return _where_both_are_made(syntax, _outside_closure(syntax, feed), to_main_block)


def _where_both_are_made(syntax: Syntax, feed: Feed, to_main_block: bool) -> Feed:
    """Return the feed at the call of the function around it, and of the next one, that has both from outside."""
    for _ in range(CALLERS):
        function = function_around(syntax, feed.at)
        caller = only_caller(syntax, function) if function is not None else None
        if function is None or caller is None:
            break
        if not to_main_block and trains_when_imported(syntax, feed.at, caller):
            break
        model = _at_call(syntax, feed.model, function, caller)
        data = [name for e in feed.source.expressions if (name := _at_call(syntax, e, function, caller))]
        if not model or not data:
            break
        feed = replace(feed, model=model, source=replace(feed.source, expressions=(data[0],)), at=caller)
    return feed


def where_given(syntax: Syntax, at: cst.CSTNode, names: Sequence[str]) -> tuple[cst.CSTNode, list[str]]:
    """Return where a function is given what it calls so at `at`, or the one around it is, and what it is called there.

    That is the call, or the outermost loop around it that makes nothing of it.
    """
    for _ in range(CALLERS):
        function = function_around(syntax, at)
        caller = only_caller(syntax, function) if function is not None else None
        if function is None or caller is None or any(isinstance(o, cst.Lambda) for o in syntax.ancestors(caller)):
            break
        given = [_at_call(syntax, _kept_parameter(syntax, function, name), function, caller) for name in names]
        if not all(given):
            break
        at, names = caller, given
        roots = {name.partition(".")[0] for name in names} | set(names)
        outer = [loop for loop in loops_around(syntax, at) if not bound_in(syntax, loop) & roots]
        at = outer[0] if outer else at
    return at, list(names)


def _kept_parameter(syntax: Syntax, function: cst.FunctionDef, name: str) -> str:
    """Return the parameter that a constructor keeps under that name: `model` of `self.model = model`."""
    if function.name.value != "__init__" or not name.startswith("self."):
        return name
    kept = [a for a in syntax.every(cst.Assign, function) if syntax.code(a.targets[0].target) == name]
    value = kept[0].value if len(kept) == 1 else None
    return value.value if isinstance(value, cst.Name) and value.value in parameter_names(function) else name


def _at_call(syntax: Syntax, name: str, function: cst.FunctionDef, caller: cst.Call) -> str:
    """Return what a function's caller calls what it calls `name`; "" where it makes that itself, or has no name."""
    root, given, home = name.partition(".")[0], given_arguments(function, caller), function_around(syntax, caller)
    own = bound_in(syntax, function)
    if root in given and root not in own:
        known = syntax.code(given[root]) + name.removeprefix(root)
        return known if _is_dotted(known) else ""
    own |= {*parameter_names(function), *((bound_in(syntax, home) | {*parameter_names(home)}) if home else ())}
    return name if root not in own and _is_dotted(name) else ""


def _is_dotted(name: str) -> bool:
    return name.replace(".", "").isidentifier()


def _outside_closure(syntax: Syntax, feed: Feed) -> Feed:
    """Return the feed at the only use of the function around it, if both need nothing of that function."""
    function = function_around(syntax, feed.at)
    if loops_around(syntax, feed.at) or function is None:
        return feed
    uses = [name for name in syntax.every(cst.Name) if name.value == function.name.value]
    others = [name for name in uses if name is not function.name]
    own = {*parameter_names(function), *bound_in(syntax, function)}
    reads = _reads(feed.model) | _reads(feed.source.expressions[0])
    if len(others) != 1 or own & {read.split(".")[0] for read in reads}:
        return feed
    return replace(feed, at=others[0])


def _at_caller(syntax: Syntax, feed: Feed, function: cst.FunctionDef, caller: cst.Call) -> Feed | NotApplicable:
    """Return the same feed, in the words of the function that calls this one."""
    given = given_arguments(function, caller)
    batch = given.get(feed.source.name)
    head, dot, rest = feed.model.partition(".")
    model = given[head] if head in given else None
    own = {*parameter_names(function), *bound_in(syntax, function)}
    if batch is None or (model is None and head in own):
        name = function.name.value
        return NotApplicable(f"line {syntax.line(caller)} does not show what `{name}` gets as its batch")
    carried = (syntax.code(model) if model is not None else head) + dot + rest
    return Feed(carried, find_source(syntax, batch, caller, feed.source.path, feed.part), caller, feed.part)


def insert_before_training(syntax: Syntax, feed: Feed, lines: Callable[[str], Sequence[str]]) -> str | NotApplicable:
    """Insert the lines for the data before the outermost loop at which both the model and the data are there."""
    loops, expressions = loops_around(syntax, feed.at), feed.source.expressions
    for loop in loops:
        made_inside = bound_in(syntax, loop)
        for data in expressions:
            if not made_inside & (_reads(feed.model) | _reads(data)):
                return insert_before(syntax, loop, *lines(data))
    if loops:
        return NotApplicable(f"`{expressions[0]}` or `{feed.model}` is made inside the loop")
    return insert_before(syntax, feed.at, *lines(expressions[0]))


def _reads(code: str) -> set[str]:
    """Return the names that an expression reads, and its attributes with all that is before their dot."""
    parts = list(descendants(cst.parse_expression(code)))
    apart = {id(p.attr) for p in parts if isinstance(p, cst.Attribute)}
    apart |= {id(p.keyword) for p in parts if isinstance(p, cst.Arg)}
    chains = [p for p in parts if isinstance(p, cst.Name | cst.Attribute) and id(p) not in apart]
    return {cst.Module([]).code_for_node(chain) for chain in chains}
