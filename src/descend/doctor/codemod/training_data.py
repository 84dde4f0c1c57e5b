"""Follow a model and the data that it is trained on from the model's call outwards to the training loop.

If the batch is a parameter of the function that calls the model, the search continues where that function is called.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import libcst as cst

from descend.doctor.codemod.bindings import loops_around, names_bound_in
from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.callers import MAX_CALLERS, only_caller
from descend.doctor.codemod.data_source import BATCH_PARTS, DataSource, find_source
from descend.doctor.codemod.functions import bind_arguments, function_around, parameter_names
from descend.doctor.codemod.helper_function import add_function
from descend.doctor.codemod.imports import import_name
from descend.doctor.codemod.insert import insert_before
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.main_block import trains_when_imported
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, descendants, last_name
from descend.doctor.script.script import Script


@dataclass(frozen=True, eq=False)
class TrainingData:
    """A model, the source of its training data, and a node in the training loop."""

    model: str
    source: DataSource
    at: cst.CSTNode
    part: int = 0  # 0 for the model's inputs, 1 for its targets


def hookable_model(place: Place) -> str:
    """Return the code of the model that a call runs. Raise NotApplicable if the call bypasses the model's hooks."""
    syntax, call = place.syntax, place.call
    if last_name(call.func) == "forward":
        raise NotApplicable(f"line {syntax.line(call)} calls forward() directly, which bypasses the module's hooks")
    return called_model(place)


def find_training_data(
    syntax: Syntax, model: str, values: cst.BaseExpression, at: cst.CSTNode, part: int = 0
) -> TrainingData:
    """Return the model and the source of the data `values`, which are passed to the model at the node `at`."""
    return TrainingData(model, find_source(syntax, values, at, part=part), at, part)


def insert_fit(
    script: Script,
    syntax: Syntax,
    training_data: TrainingData,
    name: str,
    write: Callable[[DataSource], str] | None = None,
) -> Script:
    """Return the script with the call ``name(model, data)`` inserted before the outermost training loop.

    `write` returns the source of the function `name`. Without `write`, it is imported from descend.network.
    """
    carried = fit_location(syntax, training_data)
    text = insert_before_training(syntax, carried, lambda data: [f"{name}({carried.model}, {data})"])
    code = write(carried.source) if write else ""
    if code:
        text = add_function(syntax.file, text, code)
    else:
        text = import_name(syntax.file, text, "descend.network", name)
    return script.edit(syntax.file, text)


def fit_location(syntax: Syntax, training_data: TrainingData) -> TrainingData:
    """Return the training data at the place where a preprocessing step can be fitted before training.

    The search continues in a training function's caller, unless the caller is in the main block, which imports skip.
    """
    return trace_outwards(syntax, training_data, to_main_block=False)


def trace_outwards(syntax: Syntax, training_data: TrainingData, *, to_main_block: bool = True) -> TrainingData:
    """Follow calls outwards and return the model and its data, as variables of the outermost function that has both.

    Raise NotApplicable if the data are not found.
    """
    for _ in range(MAX_CALLERS):
        function = training_data.source.function
        if function is None:
            break
        caller = only_caller(syntax, function)
        if caller is None:
            name = function.name.value
            raise NotApplicable(f"`{name}` receives the batch, but is called in several places or nowhere")
        training_data = _move_to_caller(syntax, training_data, function, caller)
    if not training_data.source.expressions:
        what = "no data" if training_data.part == 0 else f"no {BATCH_PARTS[training_data.part]}"
        raise NotApplicable(f"{what} to fit on: {training_data.source.reason}")
    return _outermost_with_both(syntax, _move_out_of_closure(syntax, training_data), to_main_block)


def _outermost_with_both(syntax: Syntax, training_data: TrainingData, to_main_block: bool) -> TrainingData:
    """Return the model and its data, as variables of the outermost caller that passes both of them on."""
    for _ in range(MAX_CALLERS):
        function = function_around(syntax, training_data.at)
        caller = only_caller(syntax, function) if function is not None else None
        if function is None or caller is None:
            break
        if not to_main_block and trains_when_imported(syntax, training_data.at, caller):
            break
        model = _name_in_caller(syntax, training_data.model, function, caller)
        data = [
            name for e in training_data.source.expressions if (name := _name_in_caller(syntax, e, function, caller))
        ]
        if not model or not data:
            break
        training_data = replace(
            training_data, model=model, source=replace(training_data.source, expressions=(data[0],)), at=caller
        )
    return training_data


def outermost_call_with(syntax: Syntax, at: cst.CSTNode, names: Sequence[str]) -> tuple[cst.CSTNode, list[str]]:
    """Return the outermost call that passes the values of `names` towards the node `at`, and their names in its caller.

    The returned node is this call, or the outermost loop around it that does not bind the names.
    """
    for _ in range(MAX_CALLERS):
        function = function_around(syntax, at)
        caller = only_caller(syntax, function) if function is not None else None
        if function is None or caller is None or any(isinstance(o, cst.Lambda) for o in syntax.ancestors(caller)):
            break
        given = [_name_in_caller(syntax, _stored_parameter(syntax, function, name), function, caller) for name in names]
        if not all(given):
            break
        at, names = caller, given
        roots = {name.partition(".")[0] for name in names} | set(names)
        outer = [loop for loop in loops_around(syntax, at) if not names_bound_in(syntax, loop) & roots]
        at = outer[0] if outer else at
    return at, list(names)


def _stored_parameter(syntax: Syntax, function: cst.FunctionDef, name: str) -> str:
    """Return the parameter that a constructor stores as an attribute: ``model`` for ``self.model``."""
    if function.name.value != "__init__" or not name.startswith("self."):
        return name
    kept = [a for a in syntax.every(cst.Assign, function) if syntax.code(a.targets[0].target) == name]
    value = kept[0].value if len(kept) == 1 else None
    return value.value if isinstance(value, cst.Name) and value.value in parameter_names(function) else name


def _name_in_caller(syntax: Syntax, name: str, function: cst.FunctionDef, caller: cst.Call) -> str:
    """Return the name in the calling function for the value that is `name` in the called function, or ""."""
    root, given, home = name.partition(".")[0], bind_arguments(function, caller), function_around(syntax, caller)
    own = names_bound_in(syntax, function)
    if root in given and root not in own:
        known = syntax.code(given[root]) + name.removeprefix(root)
        return known if _is_dotted_name(known) else ""
    own |= {*parameter_names(function), *((names_bound_in(syntax, home) | {*parameter_names(home)}) if home else ())}
    return name if root not in own and _is_dotted_name(name) else ""


def _is_dotted_name(name: str) -> bool:
    """Return whether the code is a name or a dotted name such as ``self.model``."""
    return name.replace(".", "").isidentifier()


def _move_out_of_closure(syntax: Syntax, training_data: TrainingData) -> TrainingData:
    """Return the model and data outside the function around them, if it defines neither and is used only once."""
    function = function_around(syntax, training_data.at)
    if loops_around(syntax, training_data.at) or function is None:
        return training_data
    uses = [name for name in syntax.every(cst.Name) if name.value == function.name.value]
    others = [name for name in uses if name is not function.name]
    own = {*parameter_names(function), *names_bound_in(syntax, function)}
    reads = _names_in(training_data.model) | _names_in(training_data.source.expressions[0])
    if len(others) != 1 or own & {read.split(".")[0] for read in reads}:
        return training_data
    return replace(training_data, at=others[0])


def _move_to_caller(
    syntax: Syntax, training_data: TrainingData, function: cst.FunctionDef, caller: cst.Call
) -> TrainingData:
    """Return the model and its data under the names that they have in the function that calls `function`."""
    given = bind_arguments(function, caller)
    batch = given.get(training_data.source.name)
    head, dot, rest = training_data.model.partition(".")
    model = given.get(head)
    own = {*parameter_names(function), *names_bound_in(syntax, function)}
    if batch is None or (model is None and head in own):
        name = function.name.value
        line = syntax.line(caller)
        raise NotApplicable(f"it is unclear which arguments of `{name}` in line {line} are the model and the batch")
    carried = (syntax.code(model) if model is not None else head) + dot + rest
    return TrainingData(
        carried,
        find_source(syntax, batch, caller, training_data.source.path, training_data.part),
        caller,
        training_data.part,
    )


def insert_before_training(syntax: Syntax, training_data: TrainingData, lines: Callable[[str], Sequence[str]]) -> str:
    """Return the source with new lines before the outermost loop in which model and data stay the same objects."""
    loops, expressions = loops_around(syntax, training_data.at), training_data.source.expressions
    for loop in loops:
        made_inside = names_bound_in(syntax, loop)
        for data in expressions:
            if not made_inside & (_names_in(training_data.model) | _names_in(data)):
                return insert_before(syntax, loop, *lines(data))
    if loops:
        raise NotApplicable(f"`{expressions[0]}` or `{training_data.model}` is created inside the loop")
    return insert_before(syntax, training_data.at, *lines(expressions[0]))


def _names_in(code: str) -> set[str]:
    """Return the variables that code reads, with their attributes as dotted names such as ``self.model``."""
    parts = list(descendants(cst.parse_expression(code)))
    apart = {id(p.attr) for p in parts if isinstance(p, cst.Attribute)}
    apart |= {id(p.keyword) for p in parts if isinstance(p, cst.Arg)}
    chains = [p for p in parts if isinstance(p, cst.Name | cst.Attribute) and id(p) not in apart]
    return {cst.Module([]).code_for_node(chain) for chain in chains}
