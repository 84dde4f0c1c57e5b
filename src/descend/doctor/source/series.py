"""A series of batches, followed back to the loader, the list, or the tensor that they are cut from."""

from dataclasses import replace

import libcst as cst

from descend.doctor.source.bindings import nearest_binding, one_of_series
from descend.doctor.source.flow import PARTS, PLACES, Flow, Source, is_wanted
from descend.doctor.source.names import assigned_value
from descend.doctor.source.syntax import Syntax, last_name

SAME_BATCHES = frozenset("tqdm track islice cycle iter list tuple".split())
CUTS = frozenset("split chunk array_split tensor_split".split())


def back_from_batches(syntax: Syntax, flow: Flow) -> Flow | Source:
    """Return the series one step nearer to where it is made, or the end of the way."""
    value = flow.value
    if isinstance(value, cst.Call):
        return _back_from_series(syntax, flow, value)
    wrapped = assigned_value(syntax, value) if isinstance(value, cst.Name) else None
    if isinstance(wrapped, cst.Call) and last_name(wrapped.func) in SAME_BATCHES | {"enumerate", "zip"}:
        return replace(flow, value=wrapped)
    if not is_wanted(flow):
        reason = f"the model's {PARTS[flow.part]} are not the {PLACES[flow.part]} part of a batch"
        return Source(flow.found, reason=reason)
    if not isinstance(value, cst.Name | cst.Attribute):
        return Source((*flow.found, syntax.code(value)))
    found = (*flow.found, syntax.code(value))
    bound = nearest_binding(syntax, syntax.code(value), flow.at)
    if bound is None or bound.kind != "assigned" or bound.value is None or bound.path:
        return Source(found)
    return replace(flow, value=bound.value, at=bound.node, found=found)


def _back_from_series(syntax: Syntax, flow: Flow, call: cst.Call) -> Flow | Source:
    name, part = last_name(call.func), flow.path[0] if flow.path else None
    if part is not None and (one := one_of_series(call, part)) is not None:
        return replace(flow, value=one, path=flow.path[1:])
    if name in SAME_BATCHES and call.args:
        return replace(flow, value=call.args[0].value)
    if name in CUTS:
        is_method = isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value)
        whole = call.func.value if is_method and isinstance(call.func, cst.Attribute) else call.args[0].value
        return replace(flow, value=whole, batches=False, cut=flow.cut or "sliced")
    if not is_wanted(flow) or name in ("enumerate", "zip", "range"):
        reason = f"`{syntax.code(call)}` does not give the {PARTS[flow.part]} {PLACES[flow.part]}"
        return Source(flow.found, reason=reason)
    return Source((*flow.found, f"lambda: {syntax.code(call)}"))
