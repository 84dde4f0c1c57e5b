"""Where a model's inputs or targets come from: the loader, the list of batches, or the tensor they are cut from.

    for epoch in range(10):
        for i, (x, y) in enumerate(loader):      # x is part (1, 0) of enumerate(loader), part (0,) of a batch
            x = x.to(device).view(len(x), -1)    # the same numbers, elsewhere and in another shape
            loss = criterion(model(x), y)        # so the inputs of model come from `loader`

A batch whose numbers are changed on the way (`x / 255`) is not followed: the statistics of the data are then
not those of the model's inputs. Inputs are the first part of a batch, targets the second.
"""

from dataclasses import replace

import libcst as cst

from descend.doctor.source.bindings import nearest_binding
from descend.doctor.source.flow import PARTS, Flow, Source
from descend.doctor.source.literals import is_number
from descend.doctor.source.names import subscript_key
from descend.doctor.source.series import back_from_batches
from descend.doctor.source.syntax import Syntax, first_name, last_name

SAME_NUMBERS = frozenset(
    "to cuda cpu float double half bfloat16 type type_as view reshape view_as flatten squeeze unsqueeze "
    "contiguous requires_grad_ detach clone pin_memory numpy index_select narrow "
    "tensor as_tensor from_numpy FloatTensor DoubleTensor Tensor Variable asarray array".split()
)  # methods of a tensor, and functions of one, that leave its values as they are

OTHER_SHAPE = frozenset("view reshape view_as flatten squeeze unsqueeze".split())


def find_source(
    syntax: Syntax, values: cst.BaseExpression, at: cst.CSTNode, path: tuple[int, ...] = (), part: int = 0
) -> Source:
    """Return where part `path` of `values`, as it is read at `at`, comes from; `part` is 1 for targets."""
    flow: Flow | Source = Flow(values, at, part, path)
    last = flow
    while isinstance(flow, Flow):
        last = flow
        flow = back_from_batches(syntax, flow) if flow.batches else _back(syntax, flow)
    assert isinstance(last, Flow)
    path = last.path if last.batches else flow.path
    return replace(flow, cut=last.cut, reshaped=last.reshaped, by_key=last.by_key, is_series=last.batches, path=path)


def _back(syntax: Syntax, flow: Flow) -> Flow | Source:
    value = flow.value
    if isinstance(value, cst.Tuple | cst.List) and flow.path and flow.path[0] < len(value.elements):
        return replace(flow, value=value.elements[flow.path[0]].value, path=flow.path[1:])
    if isinstance(value, cst.BaseComp):
        return _back_from_comprehension(syntax, flow, value)
    if isinstance(value, cst.Call):
        return _back_from_call(syntax, flow, value)
    if isinstance(value, cst.Subscript):
        return _back_from_subscript(syntax, flow, value)
    if isinstance(value, cst.Name | cst.Attribute):
        return _back_from_name(syntax, flow, value)
    return _unknown(syntax, flow)


def _unknown(syntax: Syntax, flow: Flow) -> Source:
    if flow.found:
        return Source(flow.found)
    return Source(reason=f"line {syntax.line(flow.value)} makes the {PARTS[flow.part]} by `{syntax.code(flow.value)}`")


def _back_from_call(syntax: Syntax, flow: Flow, call: cst.Call) -> Flow | Source:
    name, first = last_name(call.func), call.args[0].value if call.args else None
    if name == "next" and first is not None:
        return replace(flow, value=first, batches=True)
    given = same_numbers(syntax, call)
    if given is None:
        return _unknown(syntax, flow)
    return replace(flow, value=given, reshaped=flow.reshaped or name in OTHER_SHAPE)


def same_numbers(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return what has the same numbers as a call gives, `x` of `torch.tensor(x)` and of `x.float()`, or None."""
    if last_name(call.func) not in SAME_NUMBERS:
        return None
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    if receiver is not None and not syntax.is_module(receiver):
        return receiver
    return call.args[0].value if call.args else None


def _back_from_comprehension(syntax: Syntax, flow: Flow, made: cst.BaseComp) -> Flow | Source:
    """Go through `[v.to(device) for v in batch]` and `{k: v.to(device) for k, v in batch.items()}`."""
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
        return _unknown(syntax, flow)
    return replace(flow, value=whole)


def _back_from_subscript(syntax: Syntax, flow: Flow, value: cst.Subscript) -> Flow | Source:
    index = value.slice[0].slice
    if len(value.slice) == 1 and isinstance(index, cst.Index):
        part, key = _literal(index.value), subscript_key(value)
        if key is not None and flow.part:
            return _unknown(syntax, flow)  # which key the targets have is not told
        if part is not None or key is not None:
            if _is_from_outside(syntax, value, flow.at):
                return _data(syntax, flow)
            path = flow.path if part is None else (part, *flow.path)
            return replace(flow, value=value.value, path=path, by_key=flow.by_key or key is not None)
    if flow.path or not are_rows(value):
        return _unknown(syntax, flow)
    cuts = {flow.cut, _cut(syntax, value)}
    return replace(flow, value=value.value, cut=next(cut for cut in ("picked", "part", "sliced") if cut in cuts))


def _cut(syntax: Syntax, value: cst.Subscript) -> str:
    """Return how rows are taken: `X[i:j]` one batch after another, `X[:100]` always the same, `X[index]` any."""
    index = value.slice[0].slice
    if not isinstance(index, cst.Slice):
        return "picked"
    return "sliced" if index.lower is not None and syntax.every(cst.Name, index.lower) else "part"


def _literal(index: cst.BaseExpression) -> int | None:
    return int(index.value) if isinstance(index, cst.Integer) and is_number(index) else None


def are_rows(value: cst.Subscript) -> bool:
    """Return whether a subscript takes some examples whole: `X[i:j]`, `X[index]`, `X[index, :]`."""
    first, *others = (element.slice for element in value.slice)
    return not _is_all(first) and all(_is_all(other) for other in others)


def _is_all(part: cst.BaseSlice) -> bool:
    if isinstance(part, cst.Index):
        return isinstance(part.value, cst.Ellipsis)
    return isinstance(part, cst.Slice) and part.lower is None and part.upper is None


def _back_from_name(syntax: Syntax, flow: Flow, value: cst.Name | cst.Attribute) -> Flow | Source:
    bound = nearest_binding(syntax, syntax.code(value), flow.at)
    if bound is None:
        return _data(syntax, flow) if _is_from_outside(syntax, value, flow.at) else _unknown(syntax, flow)
    if bound.kind == "parameter":
        function = bound.node if isinstance(bound.node, cst.FunctionDef) else None
        return Source(function=function, name=syntax.code(value), path=flow.path, reason=_PARAMETER)
    if bound.kind == "changed" or bound.value is None:
        return Source(reason=f"line {syntax.line(bound.node)} changes `{syntax.code(value)}`")
    path = bound.path + flow.path
    return replace(flow, value=bound.value, at=bound.node, path=path, batches=bound.kind == "iterated")


_PARAMETER = "the batch comes in as a parameter"


def _is_from_outside(syntax: Syntax, value: cst.BaseExpression, at: cst.CSTNode) -> bool:
    root = first_name(value)
    if root is None:
        return False
    bound = nearest_binding(syntax, root.value, at)
    return bound is None or (bound.kind == "parameter" and root.value == "self")


def _data(syntax: Syntax, flow: Flow) -> Source:
    parts = "".join(f"[{i}]" for i in flow.path)
    return Source((*flow.found, syntax.code(flow.value) + parts))
