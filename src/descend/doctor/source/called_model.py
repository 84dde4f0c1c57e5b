"""The model as the training loop names it, where it calls it."""

import libcst as cst

from descend.doctor.source.locate import Place
from descend.doctor.source.names import binding
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import first_name, last_name

LIBRARY_LOOPS = {"fit", "train", "run", "launch"}  # what a loop in a library is called


def called_model(place: Place) -> str | NotApplicable:
    """Return the expression for the model in `model(x)` or `model.forward(x)`, or why there is none."""
    syntax, callee = place.syntax, place.call.func
    if last_name(callee) in LIBRARY_LOOPS:
        return NotApplicable(place.inside)
    if isinstance(callee, cst.Attribute) and last_name(callee) == "forward":
        callee = callee.value
    root = first_name(callee)
    if root is None or syntax.is_module(root) or syntax.every(cst.Call, callee):
        return NotApplicable(f"line {syntax.line(place.call)} has no name for the model that it calls")
    bound = binding(syntax, root) if root is callee else None
    if bound is not None and isinstance(bound.node, cst.FunctionDef):
        return NotApplicable(place.inside)
    return syntax.code(callee)
