"""Find the arrays whose rows are the model's inputs, if the script uses their numbers for nothing else.

X_train, X_test = X[:800], X[800:]
...
loss = criterion(model(X_train[rows]), y_train[rows])      # in training, the inputs are rows of X_train
accuracy = (model(X_test).argmax(1) == y_test).mean()      # in evaluation, rows of X_test

An array that is also a target, or is printed, must not be scaled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import libcst as cst

from descend.doctor.codemod.aliases import names_at
from descend.doctor.codemod.bindings import loops_around, names_bound_in
from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.data_source import SAME_NUMBERS, DataSource, converted_value, selects_rows
from descend.doctor.codemod.functions import (
    bind_arguments,
    calls_to,
    enclosing_scope,
    function_around,
    parameter_names,
)
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import binding, is_target
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, descendants, first_name, last_name
from descend.doctor.codemod.training_call import training_call
from descend.doctor.codemod.training_data import TrainingData, find_training_data, trace_outwards
from descend.doctor.codemod.user_dataset import StoredArray, only_reads_metadata, stored_array
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

DATASET_WRAPPERS = frozenset("DataLoader random_split Subset".split())  # functions and classes that wrap a dataset
TENSOR_DATASET = "TensorDataset"
MAX_DEPTH = 4  # largest number of variables and functions through which an array is followed


@dataclass(frozen=True, eq=False)
class InputArrays:
    """The names of the input arrays, the training array first, and the last statement that assigns one of them."""

    syntax: Syntax
    names: tuple[str, ...]
    bound: cst.CSTNode
    source: DataSource


def find_input_arrays(script: Script, record: Record) -> InputArrays:
    """Return the arrays whose rows the script passes to the model, in training and in evaluation."""
    place, made = training_call(script, record), locate(script, record, SiteKind.MODEL)
    model = called_model(place)
    if made.syntax is not place.syntax or not place.call.args:
        raise NotApplicable("the model is created and trained in different files, or called without arguments")
    if (handed := _call_in_other_file(script, place.syntax, model)) is not None:
        raise NotApplicable(f"line {place.syntax.line(handed)} passes the model to another file, which may call it")
    return _arrays_in_file(place, model, made)


def _arrays_in_file(place: Place, model: str, made: Place) -> InputArrays:
    """Return the arrays whose rows are the model's inputs, for all calls of the model in the file."""
    syntax = place.syntax
    feed, first = _array_of_call(syntax, place.call)
    calls, read, home = _model_calls(syntax, model, made), [first], enclosing_scope(syntax, feed.at)
    for call in (c for c in calls if c is not place.call):
        try:
            elsewhere, array = _array_of_call(syntax, call)
        except NotApplicable:
            given = _arrays_in_scope(syntax, call.args[0].value, home, MAX_DEPTH)
            if given is None:
                raise
            read += given
            continue
        if enclosing_scope(syntax, elsewhere.at) is not home:
            raise NotApplicable(f"line {syntax.line(call)} does not pass rows of a named array to the model")
        read.append(array)
    fed = {id(node) for call in (place.call, *calls) for node in descendants(call.args[0])}
    return _require_unconditional_arrays(syntax, read, fed | {id(array) for array in read}, feed)


def _array_of_call(syntax: Syntax, call: cst.Call) -> tuple[TrainingData, cst.Name]:
    """Return the data source of a call of the model, and the array whose rows the call passes to the model."""
    feed = trace_outwards(syntax, find_training_data(syntax, syntax.code(call.func), call.args[0].value, call))
    array, kept = _array_of_source(syntax, feed)
    if array is None:
        raise NotApplicable(f"line {syntax.line(call)} does not pass rows of a named array to the model")
    if kept is not None and kept.reshaped:
        feed = replace(feed, source=replace(feed.source, reshaped=True))
    return feed, array


def _arrays_in_scope(syntax: Syntax, value: cst.BaseExpression, home: cst.CSTNode, depth: int) -> list[cst.Name] | None:
    """Return the variables of the function `home` whose rows are in `value`, an input of the model; None if unclear."""
    rows = value
    while isinstance(rows, cst.Call | cst.Subscript):
        inner = (
            converted_value(syntax, rows) if isinstance(rows, cst.Call) else rows.value if selects_rows(rows) else None
        )
        if inner is None:
            return None
        rows = inner
    function = function_around(syntax, value)
    if not isinstance(rows, cst.Name) or not depth:
        return None
    if function is None or function is home or rows.value not in parameter_names(function):
        return [cst.Name(rows.value)] if _reads_variable(syntax, rows, rows.value, home) else None
    arguments = [bind_arguments(function, call).get(rows.value) for call in calls_to(syntax, function)]
    names = [_arrays_in_scope(syntax, argument, home, depth - 1) if argument else None for argument in arguments]
    return [name for given in names for name in given or ()] if names and all(names) else None


def _model_calls(syntax: Syntax, model: str, made: Place) -> list[cst.Call]:
    """Return all calls of the model in the file, by any name that it has."""
    called = [call for call in syntax.every(cst.Call) if call.args and call.args[0].keyword is None]
    variable = made.site.variable or model
    return [c for c in called if syntax.code(c.func) in names_at(syntax, made.call, variable, c)]


def _call_in_other_file(script: Script, syntax: Syntax, model: str) -> cst.Call | None:
    """Return a call that passes the model to a function in another file of the user, or None."""
    for call in syntax.every(cst.Call):
        root = first_name(call.func)
        bound = binding(syntax, root) if root is not None else None
        if bound is None or not any(syntax.code(argument.value) == model for argument in call.args):
            continue
        names = [bound.node.module] if isinstance(bound.node, cst.ImportFrom) and bound.node.module else []
        names += [alias.name for alias in bound.node.names] if isinstance(bound.node, cst.Import) else []
        files = [syntax.file.parent / (syntax.code(name).replace(".", "/") + ".py") for name in names]
        if any(script.has_file(file) for file in files):
            return call
    return None


def _array_of_source(syntax: Syntax, feed: TrainingData) -> tuple[cst.Name | None, StoredArray | None]:
    """Return the array of which the model's inputs are rows, and its place in a user's dataset; None if unknown."""
    source, home = feed.source, enclosing_scope(syntax, feed.at)
    if len(source.expressions) != 1 or source.by_key or any(source.path):
        return None, None
    value: cst.BaseExpression | None = cst.parse_expression(source.expressions[0])
    outside = source.is_series  # whether the expression is a dataset that contains the array
    kept: StoredArray | None = None
    for _ in range(MAX_DEPTH):
        if outside and isinstance(value, cst.Name):
            value = _assigned_once(syntax, value.value, home)
        if not isinstance(value, cst.Call):
            break
        name = last_name(value.func)
        if outside and (kept := stored_array(syntax, value)) is not None:
            if any(_other_uses(syntax, kept.read.value, kept.constructor, None, {id(kept.read)}, MAX_DEPTH)):
                return None, None
            value, outside = kept.array, False
            continue
        if name not in ((*DATASET_WRAPPERS, TENSOR_DATASET) if outside else SAME_NUMBERS):
            break
        outside &= name != TENSOR_DATASET
        value = next((a.value for a in value.args if a.keyword is None or a.keyword.value == "dataset"), None)
    return (value, kept) if isinstance(value, cst.Name) and not outside else (None, None)


def _assigned_once(syntax: Syntax, name: str, home: cst.CSTNode) -> cst.BaseExpression | None:
    """Return the value of a name that has exactly one assignment in the scope `home`, or None."""
    targets = [n for n in syntax.every(cst.Name, home) if n.value == name and is_target(syntax, n)]
    for node in syntax.ancestors(targets[0]) if len(targets) == 1 else ():
        if isinstance(node, cst.Assign):
            return node.value
    return None


def _require_unconditional_arrays(
    syntax: Syntax, read: list[cst.Name], fed: set[int], trained: TrainingData
) -> InputArrays:
    """Return the input arrays. Raise NotApplicable if one may be unassigned before training or has another use."""
    last: cst.CSTNode | None = None
    names, home = tuple(dict.fromkeys(name.value for name in read)), enclosing_scope(syntax, trained.at)
    for name in names:
        own = [n for n in syntax.every(cst.Name, home) if n.value == name and is_target(syntax, n)]
        own = [n for n in own if enclosing_scope(syntax, n) is home]
        inner = next((n for n in own if loops_around(syntax, n) or _is_conditional(syntax, n, home)), None)
        if not own or inner is not None or syntax.line(own[-1]) >= syntax.line(trained.at):
            raise NotApplicable(f"`{name}` is not assigned before training, or only in a loop or under a condition")
        last = own[-1] if last is None or syntax.line(own[-1]) > syntax.line(last) else last
    assert last is not None
    for name in names:
        for use in _other_uses(syntax, name, home, last, fed, MAX_DEPTH):
            raise NotApplicable(f"line {syntax.line(use)} uses `{syntax.code(use)}` for another purpose")
    return InputArrays(syntax, names, last, trained.source)


def _is_conditional(syntax: Syntax, node: cst.CSTNode, home: cst.CSTNode) -> bool:
    """Return whether the node is in an ``if`` or ``try`` statement within the scope `home`, so that it may not run."""
    for outer in syntax.ancestors(node):
        if outer is home:
            return False
        if isinstance(outer, cst.If | cst.Try):
            return True
    return False


def _other_uses(
    syntax: Syntax, name: str, home: cst.CSTNode, bound: cst.CSTNode | None, fed: set[int], depth: int
) -> Iterator[cst.Name]:
    """Yield uses of an array after its assignment that need its numbers for anything but the model's inputs."""
    for node in syntax.every(cst.Name, home):
        if node.value != name or is_target(syntax, node) or not _reads_variable(syntax, node, name, home):
            continue
        if bound is not None and enclosing_scope(syntax, node) is home and syntax.line(node) <= syntax.line(bound):
            continue
        if id(node) in fed or only_reads_metadata(syntax, node):
            continue
        if not depth or not _is_only_passed_on(syntax, node, home, fed, depth):
            yield node


def _reads_variable(syntax: Syntax, node: cst.Name, name: str, home: cst.CSTNode) -> bool:
    """Return whether the node reads the variable `name` of `home`, and not a local variable of an inner function."""
    holder, inner = syntax.parents[node], function_around(syntax, node)
    if isinstance(holder, cst.Attribute) and holder.attr is node or isinstance(holder, cst.Param):
        return False
    if isinstance(holder, cst.Arg) and holder.keyword is node:
        return False
    return inner is None or inner is home or name not in {*parameter_names(inner), *names_bound_in(syntax, inner)}


def _is_only_passed_on(syntax: Syntax, node: cst.Name, home: cst.CSTNode, fed: set[int], depth: int) -> bool:
    """Return whether a use passes the array only to a variable or parameter whose uses are all inputs of the model."""
    value: cst.CSTNode = node
    holder = syntax.parents[value]
    if isinstance(holder, cst.Subscript) and holder.value is node:
        value, holder = holder, syntax.parents[holder]
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1 and isinstance(holder.targets[0].target, cst.Name):
        inner = enclosing_scope(syntax, node)
        return not any(_other_uses(syntax, holder.targets[0].target.value, inner, None, fed, depth - 1))
    call = syntax.parents[holder] if isinstance(holder, cst.Arg) else None
    if not isinstance(call, cst.Call):
        return False
    for function in syntax.every(cst.FunctionDef):
        if call in calls_to(syntax, function):
            given = [p for p, v in bind_arguments(function, call).items() if v is value]
            return bool(given) and not any(_other_uses(syntax, given[0], function, None, fed, depth - 1))
    return False
