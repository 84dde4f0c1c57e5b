"""Recognise a backward pass: `loss.backward()`, `scaler.scale(loss).backward()`, `accelerator.backward(loss)`."""

import libcst as cst

from descend.doctor.codemod.names import value_of
from descend.doctor.codemod.syntax import Syntax, last_name

BACKWARD_METHODS = ("backward", "manual_backward")
# These calls come between the backward pass and the optimizer's step.
GRADIENT_PREPARATION = (
    "unscale_",
    "clip_grad_norm_",
    "clip_grad_value_",
)
# Objects with these names or classes have a method `backward` that takes the loss as an argument.
LOSS_ENGINES = {
    "accelerator",
    "fabric",
    "engine",
    "model_engine",
    "initialize",
}


def is_backward_call(call: cst.Call) -> bool:
    """Return whether a call runs a backward pass itself, unlike a training call such as ``trainer.fit``."""
    return last_name(call.func) in BACKWARD_METHODS


def gradient_scaler(call: cst.Call) -> cst.BaseExpression | None:
    """Return the gradient scaler of a backward pass, ``s`` in ``s.scale(loss).backward()``; None without a scaler."""
    scaled = call.func.value if isinstance(call.func, cst.Attribute) else None
    if not isinstance(scaled, cst.Call) or not isinstance(scaled.func, cst.Attribute):
        return None
    return scaled.func.value if last_name(scaled.func) == "scale" and scaled.args else None


def differentiated_loss(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return the expression of the loss in a call that runs a backward pass, without a surrounding `scaler.scale(…)`.

    Return None if the call should have the loss as an argument, but has no positional argument.
    """
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    if receiver is None or syntax.is_module(receiver) or _takes_loss_as_argument(syntax, call, receiver):
        given = [argument.value for argument in call.args if argument.keyword is None and not argument.star]
        first = given[0] if given else None
        is_listed = isinstance(first, cst.List | cst.Tuple) and len(first.elements) == 1
        return first.elements[0].value if is_listed and isinstance(first, cst.List | cst.Tuple) else first
    if gradient_scaler(call) is not None and isinstance(receiver, cst.Call):
        return receiver.args[0].value
    return receiver


def _takes_loss_as_argument(syntax: Syntax, call: cst.Call, receiver: cst.BaseExpression) -> bool:
    """Return whether a call passes the loss to ``backward`` as an argument, as ``accelerator.backward(loss)`` does."""
    made = value_of(syntax, receiver)
    kind = last_name(made.func) if isinstance(made, cst.Call) else ""
    return last_name(call.func) == "manual_backward" or bool({kind.lower(), last_name(receiver)} & LOSS_ENGINES)
