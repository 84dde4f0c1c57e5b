"""Find where a model's inputs or targets come from: a data loader, a list of batches, or a tensor that is sliced.

    for epoch in range(10):
        for i, (x, y) in enumerate(loader):      # x is part (1, 0) of enumerate(loader), and part (0,) of a batch
            x = x.to(device).view(len(x), -1)    # the same numbers on another device and in another shape
            loss = criterion(model(x), y)        # so the inputs of model come from `loader`

The search stops at a step that changes the numbers (``x / 255``), since the statistics of the data then differ from
those of the model's inputs. Inputs are the first element of a batch, targets the second.
"""

from dataclasses import dataclass, replace
from enum import Enum

import libcst as cst

from descend.doctor.codemod.bindings import BindingKind, iterable_of_part, nearest_binding
from descend.doctor.codemod.literals import is_number
from descend.doctor.codemod.names import assigned_value, subscript_key
from descend.doctor.codemod.syntax import Syntax, first_name, last_name

BATCH_PARTS = ("inputs", "targets")
ORDINALS = ("first", "second")

# These methods and functions return the numbers of a tensor unchanged.
SAME_NUMBERS = frozenset(
    "to cuda cpu float double half bfloat16 type type_as view reshape view_as flatten squeeze unsqueeze "
    "contiguous requires_grad_ detach clone pin_memory numpy index_select narrow "
    "tensor as_tensor from_numpy FloatTensor DoubleTensor Tensor Variable asarray array".split()
)
OTHER_SHAPE = frozenset("view reshape view_as flatten squeeze unsqueeze".split())
SAME_BATCHES = frozenset("tqdm track islice cycle iter list tuple".split())
SPLITTING_FUNCTIONS = frozenset("split chunk array_split tensor_split".split())


class RowSelection(Enum):
    """How a script selects examples from a tensor of all examples."""

    WHOLE = 0
    CONSECUTIVE = 1  # X[i:j] selects one batch after another
    FIXED = 2  # X[:100] always selects the same examples
    INDEXED = 3  # X[index]


@dataclass(frozen=True, eq=False)
class DataSource:
    """The origin of a value: the data, or the parameter through which the value is passed; or why it is unknown."""

    expressions: tuple[str, ...] = ()
    function: cst.FunctionDef | None = None  # the function whose parameter `name` is the batch
    name: str = ""
    path: tuple[int, ...] = ()
    reason: str = ""
    rows: RowSelection = RowSelection.WHOLE
    reshaped: bool = False
    by_key: bool = False
    is_series: bool = False  # whether the data are a series of batches; `path` is then the model's part of a batch


@dataclass(frozen=True, eq=False)
class _TracedValue:
    """A value between the data and the model, and how the model's input or target is computed from this value."""

    value: cst.BaseExpression
    at: cst.CSTNode  # the node at which the value is read
    part: int  # 0 for the model's inputs, 1 for its targets
    path: tuple[int, ...] = ()  # indices of the part that the model receives, in the value or in each batch
    is_series: bool = False
    expressions: tuple[str, ...] = ()  # expressions for the data that were found so far, nearest to the model first
    rows: RowSelection = RowSelection.WHOLE
    reshaped: bool = False  # whether the tensor's shape changes on the path to the model
    by_key: bool = False  # whether each batch is a mapping, such as {"x": x, "y": y}


def find_source(
    syntax: Syntax, values: cst.BaseExpression, at: cst.CSTNode, path: tuple[int, ...] = (), part: int = 0
) -> DataSource:
    """Return the data from which `values`, the model's inputs (`part` 0) or targets (`part` 1), are taken at `at`."""
    traced: _TracedValue | DataSource = _TracedValue(values, at, part, path)
    last = traced
    while isinstance(traced, _TracedValue):
        last = traced
        traced = _follow_series(syntax, traced) if traced.is_series else _follow_value(syntax, traced)
    assert isinstance(last, _TracedValue)
    path = last.path if last.is_series else traced.path
    return replace(
        traced, rows=last.rows, reshaped=last.reshaped, by_key=last.by_key, is_series=last.is_series, path=path
    )


def _follow_value(syntax: Syntax, traced: _TracedValue) -> _TracedValue | DataSource:
    """Follow a value one step back towards the data that it comes from."""
    value = traced.value
    if isinstance(value, cst.Tuple | cst.List) and traced.path and traced.path[0] < len(value.elements):
        return replace(traced, value=value.elements[traced.path[0]].value, path=traced.path[1:])
    if isinstance(value, cst.BaseComp):
        return _follow_comprehension(syntax, traced, value)
    if isinstance(value, cst.Call):
        return _follow_call(syntax, traced, value)
    if isinstance(value, cst.Subscript):
        return _follow_subscript(syntax, traced, value)
    if isinstance(value, cst.Name | cst.Attribute):
        return _follow_name(syntax, traced, value)
    return _end_search(syntax, traced)


def _end_search(syntax: Syntax, traced: _TracedValue) -> DataSource:
    """Return the data source with the expressions found so far or, without any, the reason why the search failed."""
    if traced.expressions:
        return DataSource(traced.expressions)
    line, code = syntax.line(traced.value), syntax.code(traced.value)
    return DataSource(reason=f"line {line} computes the {BATCH_PARTS[traced.part]} as `{code}`")


def _follow_call(syntax: Syntax, traced: _TracedValue, call: cst.Call) -> _TracedValue | DataSource:
    """Follow the result of a call back to its argument: ``loader`` for ``next(loader)``, ``x`` for ``x.float()``."""
    name, first = last_name(call.func), call.args[0].value if call.args else None
    if name == "next" and first is not None:
        return replace(traced, value=first, is_series=True)
    argument = converted_value(syntax, call)
    if argument is None:
        return _end_search(syntax, traced)
    return replace(traced, value=argument, reshaped=traced.reshaped or name in OTHER_SHAPE)


def converted_value(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return the value that a call converts without changing its numbers: ``x`` for ``x.float()``; else None."""
    if last_name(call.func) not in SAME_NUMBERS:
        return None
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    if receiver is not None and not syntax.is_module(receiver):
        return receiver
    return call.args[0].value if call.args else None


def _follow_comprehension(syntax: Syntax, traced: _TracedValue, made: cst.BaseComp) -> _TracedValue | DataSource:
    """Follow a comprehension that converts a batch, such as ``[v.float() for v in batch]``, back to ``batch``."""
    target: cst.BaseExpression = made.for_in.target
    part, whole = None, made.for_in.iter
    if isinstance(made, cst.BaseSimpleComp):
        part = made.elt
    elif isinstance(made, cst.DictComp) and isinstance(target, cst.Tuple):
        part, target = made.value, target.elements[-1].value
        if isinstance(whole, cst.Call) and isinstance(whole.func, cst.Attribute):  # batch.items()
            whole = whole.func.value
    while isinstance(part, cst.Call) and isinstance(part.func, cst.Attribute):
        part = part.func.value if part.func.attr.value in SAME_NUMBERS else None
    if part is None or syntax.code(part) != syntax.code(target):
        return _end_search(syntax, traced)
    return replace(traced, value=whole)


def _follow_subscript(syntax: Syntax, traced: _TracedValue, value: cst.Subscript) -> _TracedValue | DataSource:
    """Follow a part of a batch, ``batch[0]``, back to ``batch``, or rows of a tensor, ``X[i:j]``, back to ``X``."""
    index = value.slice[0].slice
    if len(value.slice) == 1 and isinstance(index, cst.Index):
        part, key = _integer(index.value), subscript_key(value)
        if key is not None and traced.part:
            return _end_search(syntax, traced)  # It is unknown which key of a mapping has the targets.
        if part is not None or key is not None:
            if _is_bound_outside(syntax, value, traced.at):
                return _named_data(syntax, traced)
            path = traced.path if part is None else (part, *traced.path)
            return replace(traced, value=value.value, path=path, by_key=traced.by_key or key is not None)
    if traced.path or not selects_rows(value):
        return _end_search(syntax, traced)
    rows = max(traced.rows, _row_selection(syntax, value), key=lambda selection: selection.value)
    return replace(traced, value=value.value, rows=rows)


def _row_selection(syntax: Syntax, value: cst.Subscript) -> RowSelection:
    """Return how a subscript selects examples: a moving slice, a fixed slice or an index."""
    index = value.slice[0].slice
    if not isinstance(index, cst.Slice):
        return RowSelection.INDEXED
    is_moving = index.lower is not None and syntax.every(cst.Name, index.lower)
    return RowSelection.CONSECUTIVE if is_moving else RowSelection.FIXED


def _integer(index: cst.BaseExpression) -> int | None:
    """Return the value of an integer literal in the source, or None for other expressions."""
    return int(index.value) if isinstance(index, cst.Integer) and is_number(index) else None


def selects_rows(value: cst.Subscript) -> bool:
    """Return whether a subscript selects whole examples, as ``X[i:j]``, ``X[index]`` and ``X[index, :]`` do."""
    first, *others = (element.slice for element in value.slice)
    return not _is_full_slice(first) and all(_is_full_slice(other) for other in others)


def _is_full_slice(part: cst.BaseSlice) -> bool:
    """Return whether one index of a subscript is ``:`` or ``...``, which selects everything."""
    if isinstance(part, cst.Index):
        return isinstance(part.value, cst.Ellipsis)
    return isinstance(part, cst.Slice) and part.lower is None and part.upper is None


def _follow_name(syntax: Syntax, traced: _TracedValue, value: cst.Name | cst.Attribute) -> _TracedValue | DataSource:
    """Follow a variable back to the value assigned to it, up to the data or to a function's parameter."""
    bound = nearest_binding(syntax, syntax.code(value), traced.at)
    if bound is None:
        is_data = _is_bound_outside(syntax, value, traced.at)
        return _named_data(syntax, traced) if is_data else _end_search(syntax, traced)
    if bound.kind is BindingKind.PARAMETER:
        function = bound.node if isinstance(bound.node, cst.FunctionDef) else None
        reason = "the batch is a parameter of the function that uses it"
        return DataSource(function=function, name=syntax.code(value), path=traced.path, reason=reason)
    if bound.kind is BindingKind.CHANGED or bound.value is None:
        return DataSource(reason=f"line {syntax.line(bound.node)} changes `{syntax.code(value)}`")
    path = bound.path + traced.path
    return replace(traced, value=bound.value, at=bound.node, path=path, is_series=bound.kind is BindingKind.ITERATED)


def _is_bound_outside(syntax: Syntax, value: cst.BaseExpression, at: cst.CSTNode) -> bool:
    """Return whether a variable is bound outside the training loop or function, or is an attribute of ``self``."""
    root = first_name(value)
    if root is None:
        return False
    bound = nearest_binding(syntax, root.value, at)
    return bound is None or (bound.kind is BindingKind.PARAMETER and root.value == "self")


def _named_data(syntax: Syntax, traced: _TracedValue) -> DataSource:
    """Return the data source for a variable that holds the data, indexed by the part that the model receives."""
    parts = "".join(f"[{i}]" for i in traced.path)
    return DataSource((*traced.expressions, syntax.code(traced.value) + parts))


def _follow_series(syntax: Syntax, traced: _TracedValue) -> _TracedValue | DataSource:
    """Follow a series of batches one step back towards the code that creates it."""
    value = traced.value
    if isinstance(value, cst.Call):
        return _follow_series_call(syntax, traced, value)
    wrapped = assigned_value(syntax, value) if isinstance(value, cst.Name) else None
    if isinstance(wrapped, cst.Call) and last_name(wrapped.func) in SAME_BATCHES | {"enumerate", "zip"}:
        return replace(traced, value=wrapped)
    if not _is_usual_part(traced):
        name, place = BATCH_PARTS[traced.part], ORDINALS[traced.part]
        return DataSource(traced.expressions, reason=f"the model's {name} are not the {place} element of a batch")
    expressions = (*traced.expressions, syntax.code(value))
    if not isinstance(value, cst.Name | cst.Attribute):
        return DataSource(expressions)
    bound = nearest_binding(syntax, syntax.code(value), traced.at)
    if bound is None or bound.kind is not BindingKind.ASSIGNED or bound.value is None or bound.path:
        return DataSource(expressions)
    return replace(traced, value=bound.value, at=bound.node, expressions=expressions)


def _follow_series_call(syntax: Syntax, traced: _TracedValue, call: cst.Call) -> _TracedValue | DataSource:
    """Follow a call that yields batches, ``enumerate(loader)`` or ``X.split(32)``, back to ``loader`` or ``X``."""
    name, part = last_name(call.func), traced.path[0] if traced.path else None
    if part is not None and (iterable := iterable_of_part(call, part)) is not None:
        return replace(traced, value=iterable, path=traced.path[1:])
    if name in SAME_BATCHES and call.args:
        return replace(traced, value=call.args[0].value)
    if name in SPLITTING_FUNCTIONS:
        is_method = isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value)
        whole = call.func.value if is_method and isinstance(call.func, cst.Attribute) else call.args[0].value
        rows = RowSelection.CONSECUTIVE if traced.rows is RowSelection.WHOLE else traced.rows
        return replace(traced, value=whole, is_series=False, rows=rows)
    if not _is_usual_part(traced) or name in ("enumerate", "zip", "range"):
        place = f"{BATCH_PARTS[traced.part]} as the {ORDINALS[traced.part]} element"
        return DataSource(traced.expressions, reason=f"`{syntax.code(call)}` does not return batches with the {place}")
    return DataSource((*traced.expressions, f"lambda: {syntax.code(call)}"))


def _is_usual_part(traced: _TracedValue) -> bool:
    """Return whether the model receives the usual part of a batch: all of it, or element 0 as inputs, 1 as targets."""
    return not any(traced.path) if traced.part == 0 else traced.path in ((), (traced.part,))
