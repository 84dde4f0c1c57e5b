"""The arrays that a model is given rows of, by their names, where nothing else is made of their numbers.

X_train, X_test = X[:800], X[800:]
...
loss = criterion(model(X_train[rows]), y_train[rows])      # rows of X_train, in training
accuracy = (model(X_test).argmax(1) == y_test).mean()      # rows of X_test

An array that is the network's target, too, or is printed, has another meaning once it is scaled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import names_at
from descend.doctor.source.bindings import bound_in, loops_around
from descend.doctor.source.called_model import called_model
from descend.doctor.source.data_source import SAME_NUMBERS, are_rows, same_numbers
from descend.doctor.source.feed import Feed, carry_out, find_feed
from descend.doctor.source.flow import Source
from descend.doctor.source.functions import (
    calls_of,
    function_around,
    given_arguments,
    home_of,
    parameter_names,
)
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import binding, is_target
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.own_dataset import Kept, array_kept, only_measures
from descend.doctor.source.syntax import Syntax, descendants, first_name, last_name
from descend.doctor.source.training_call import training_call

AROUND = frozenset("DataLoader random_split Subset".split())  # what a data set may stand in
LEAF = "TensorDataset"
DEPTH = 4  # names and functions that an array is handed on by


@dataclass(frozen=True, eq=False)
class Given:
    """The arrays' names, that of the one trained with first; the last statement that binds one of them; the way."""

    syntax: Syntax
    names: tuple[str, ...]
    bound: cst.CSTNode
    source: Source


def arrays_given(script: Script, record: Record) -> Given | NotApplicable:
    """Return the arrays whose rows the model is given, where it trains and at its other calls: all it is given."""
    place, made = training_call(script, record), locate(script, record, "model")
    if isinstance(place, NotApplicable):
        return place
    if isinstance(made, NotApplicable):
        return made
    model = called_model(place)
    if isinstance(model, NotApplicable):
        return model
    if made.syntax is not place.syntax or not place.call.args:
        return NotApplicable("the model is made and trained in two files, or is given nothing")
    if (handed := _given_elsewhere(script, place.syntax, model)) is not None:
        return NotApplicable(
            f"line {place.syntax.line(handed)} gives the model to another file, which may give it data"
        )
    return _given_here(place, model, made)


def _given_here(place: Place, model: str, made: Place) -> Given | NotApplicable:
    syntax = place.syntax
    trained = _fed_by_name(syntax, place.call)
    if isinstance(trained, NotApplicable):
        return trained
    feed, first = trained
    calls, read, home = _calls_of(syntax, model, made), [first], home_of(syntax, feed.at)
    for call in (c for c in calls if c is not place.call):
        found = _fed_by_name(syntax, call)
        if not isinstance(found, NotApplicable):
            given = [found[1]] if home_of(syntax, found[0].at) is home else None
        else:
            given = _named(syntax, call.args[0].value, home, DEPTH)
        if given is None:
            no_name = NotApplicable(f"line {syntax.line(call)} gives the model no rows of an array with a name")
            return found if isinstance(found, NotApplicable) else no_name
        read += given
    fed = {id(node) for call in (place.call, *calls) for node in descendants(call.args[0])}
    return _bound(syntax, read, fed | {id(array) for array in read}, feed)


def _fed_by_name(syntax: Syntax, call: cst.Call) -> tuple[Feed, cst.Name] | NotApplicable:
    """Return how a call of the model is fed, and the name of the array that its rows are of."""
    feed = carry_out(syntax, find_feed(syntax, syntax.code(call.func), call.args[0].value, call))
    if isinstance(feed, NotApplicable):
        return feed
    array, kept = _array_of(syntax, feed)
    if array is None:
        return NotApplicable(f"line {syntax.line(call)} gives the model no rows of an array with a name")
    if kept is not None and kept.reshaped:
        feed = replace(feed, source=replace(feed.source, reshaped=True))
    return feed, array


def _named(syntax: Syntax, value: cst.BaseExpression, home: cst.CSTNode, depth: int) -> list[cst.Name] | None:
    """Return what `home` calls the arrays that a call behind the training is given, itself or by a function."""
    rows = value
    while isinstance(rows, cst.Call | cst.Subscript):
        inner = same_numbers(syntax, rows) if isinstance(rows, cst.Call) else rows.value if are_rows(rows) else None
        if inner is None:
            return None
        rows = inner
    function = function_around(syntax, value)
    if not isinstance(rows, cst.Name) or not depth:
        return None
    if function is None or function is home or rows.value not in parameter_names(function):
        return [cst.Name(rows.value)] if _reads_it(syntax, rows, rows.value, home) else None
    arguments = [given_arguments(function, call).get(rows.value) for call in calls_of(syntax, function)]
    names = [_named(syntax, argument, home, depth - 1) if argument else None for argument in arguments]
    return [name for given in names for name in given or ()] if names and all(names) else None


def _calls_of(syntax: Syntax, model: str, made: Place) -> list[cst.Call]:
    called = [call for call in syntax.every(cst.Call) if call.args and call.args[0].keyword is None]
    variable = made.site.variable or model
    return [c for c in called if syntax.code(c.func) in names_at(syntax, made.call, variable, c)]


def _given_elsewhere(script: Script, syntax: Syntax, model: str) -> cst.Call | None:
    """Return a call that hands the model to a function of another file of the user's, which may give it data, too."""
    for call in syntax.every(cst.Call):
        root = first_name(call.func)
        bound = binding(syntax, root) if root is not None else None
        if bound is None or not any(syntax.code(argument.value) == model for argument in call.args):
            continue
        names = [bound.node.module] if isinstance(bound.node, cst.ImportFrom) and bound.node.module else []
        names += [alias.name for alias in bound.node.names] if isinstance(bound.node, cst.Import) else []
        files = [syntax.file.parent / (syntax.code(name).replace(".", "/") + ".py") for name in names]
        if any(script.has(file) for file in files):
            return call
    return None


def _array_of(syntax: Syntax, feed: Feed) -> tuple[cst.Name | None, Kept | None]:
    """Return the name of the array, as it is read for the model or for its data set, and what keeps it there."""
    source, home = feed.source, home_of(syntax, feed.at)
    if len(source.expressions) != 1 or source.by_key or any(source.path):
        return None, None
    value: cst.BaseExpression | None = cst.parse_expression(source.expressions[0])
    outside = source.is_series  # whether what is looked at still stands around a data set
    kept: Kept | None = None
    for _ in range(DEPTH):
        if outside and isinstance(value, cst.Name):
            value = _assigned(syntax, value.value, home)
        if not isinstance(value, cst.Call):
            break
        name = last_name(value.func)
        if outside and (kept := array_kept(syntax, value)) is not None:
            if any(_other_uses(syntax, kept.read.value, kept.constructor, None, {id(kept.read)}, DEPTH)):
                return None, None
            value, outside = kept.array, False
            continue
        if name not in ((*AROUND, LEAF) if outside else SAME_NUMBERS):
            break
        outside &= name != LEAF
        value = next((a.value for a in value.args if a.keyword is None or a.keyword.value == "dataset"), None)
    return (value, kept) if isinstance(value, cst.Name) and not outside else (None, None)


def _assigned(syntax: Syntax, name: str, home: cst.CSTNode) -> cst.BaseExpression | None:
    """Return what `home` gives to a name, once: all of it where it is one of several, as of `random_split`."""
    targets = [n for n in syntax.every(cst.Name, home) if n.value == name and is_target(syntax, n)]
    for node in syntax.ancestors(targets[0]) if len(targets) == 1 else ():
        if isinstance(node, cst.Assign):
            return node.value
    return None


def _bound(syntax: Syntax, read: list[cst.Name], fed: set[int], trained: Feed) -> Given | NotApplicable:
    """Return what is given, if all of it is bound before the training and then read for the model alone."""
    last: cst.CSTNode | None = None
    names, home = tuple(dict.fromkeys(name.value for name in read)), home_of(syntax, trained.at)
    for name in names:
        own = [n for n in syntax.every(cst.Name, home) if n.value == name and is_target(syntax, n)]
        own = [n for n in own if home_of(syntax, n) is home]
        inner = next((n for n in own if loops_around(syntax, n) or _is_conditional(syntax, n, home)), None)
        if not own or inner is not None or syntax.line(own[-1]) >= syntax.line(trained.at):
            return NotApplicable(f"`{name}` is not made in one place before the training")
        last = own[-1] if last is None or syntax.line(own[-1]) > syntax.line(last) else last
    assert last is not None
    for name in names:
        for use in _other_uses(syntax, name, home, last, fed, DEPTH):
            return NotApplicable(f"line {syntax.line(use)} makes something else of `{syntax.code(use)}`")
    return Given(syntax, names, last, trained.source)


def _is_conditional(syntax: Syntax, node: cst.CSTNode, home: cst.CSTNode) -> bool:
    for outer in syntax.ancestors(node):
        if outer is home:
            return False
        if isinstance(outer, cst.If | cst.Try):
            return True
    return False


def _other_uses(
    syntax: Syntax, name: str, home: cst.CSTNode, bound: cst.CSTNode | None, fed: set[int], depth: int
) -> Iterator[cst.Name]:
    """Yield the reads of what `home` calls so, behind `bound`, that neither lead to the model nor only measure it."""
    for node in syntax.every(cst.Name, home):
        if node.value != name or is_target(syntax, node) or not _reads_it(syntax, node, name, home):
            continue
        if bound is not None and home_of(syntax, node) is home and syntax.line(node) <= syntax.line(bound):
            continue
        if id(node) in fed or only_measures(syntax, node):
            continue
        if not depth or not _is_handed_on(syntax, node, home, fed, depth):
            yield node


def _reads_it(syntax: Syntax, node: cst.Name, name: str, home: cst.CSTNode) -> bool:
    """Whether it is a variable's name, and that variable is the one of `home`, not one of a function inside."""
    holder, inner = syntax.parents[node], function_around(syntax, node)
    if isinstance(holder, cst.Attribute) and holder.attr is node or isinstance(holder, cst.Param):
        return False
    if isinstance(holder, cst.Arg) and holder.keyword is node:
        return False
    return inner is None or inner is home or name not in {*parameter_names(inner), *bound_in(syntax, inner)}


def _is_handed_on(syntax: Syntax, node: cst.Name, home: cst.CSTNode, fed: set[int], depth: int) -> bool:
    """Whether it goes, whole or by rows, to another name or a function's parameter of which the same is true."""
    value: cst.CSTNode = node
    holder = syntax.parents[value]
    if isinstance(holder, cst.Subscript) and holder.value is node:
        value, holder = holder, syntax.parents[holder]
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1 and isinstance(holder.targets[0].target, cst.Name):
        inner = home_of(syntax, node)
        return not any(_other_uses(syntax, holder.targets[0].target.value, inner, None, fed, depth - 1))
    call = syntax.parents[holder] if isinstance(holder, cst.Arg) else None
    if not isinstance(call, cst.Call):
        return False
    for function in syntax.every(cst.FunctionDef):
        if call in calls_of(syntax, function):
            given = [p for p, v in given_arguments(function, call).items() if v is value]
            return bool(given) and not any(_other_uses(syntax, given[0], function, None, fed, depth - 1))
    return False
