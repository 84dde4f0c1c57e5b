"""Find the expression by which the training loop calls the model."""

import libcst as cst

from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import binding
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import first_name, last_name

LIBRARY_TRAINING_METHODS = {"fit", "train", "run", "launch"}  # library methods that run a whole training loop


def called_model(place: Place) -> str:
    """Return the code of the model that a call runs: ``model`` for ``model(x)`` and ``model.forward(x)``.

    Raise NotApplicable if a library calls the model, or if the called expression has no name.
    """
    syntax, callee = place.syntax, place.call.func
    if last_name(callee) in LIBRARY_TRAINING_METHODS:
        raise NotApplicable(place.indirect_call_message)
    if isinstance(callee, cst.Attribute) and last_name(callee) == "forward":
        callee = callee.value
    root = first_name(callee)
    if root is None or syntax.is_module(root) or syntax.every(cst.Call, callee):
        raise NotApplicable(f"line {syntax.line(place.call)} calls a model that has no name")
    bound = binding(syntax, root) if root is callee else None
    if bound is not None and isinstance(bound.node, cst.FunctionDef):
        raise NotApplicable(place.indirect_call_message)
    return syntax.code(callee)
