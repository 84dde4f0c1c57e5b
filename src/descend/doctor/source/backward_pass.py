"""How a backward pass is written: `loss.backward()`, `scaler.scale(loss).backward()`, `accelerator.backward(loss)`."""

import libcst as cst

from descend.doctor.source.names import value_behind
from descend.doctor.source.syntax import Syntax, last_name

BACKWARD = ("backward", "manual_backward")
BEFORE_STEP = ("unscale_", "clip_grad_norm_", "clip_grad_value_")  # what is done to gradients before they are used
ENGINES = {"accelerator", "fabric", "engine", "model_engine", "initialize"}  # of libraries, that take the loss


def is_backward(call: cst.Call) -> bool:
    """Return whether the call is a backward pass itself, not something further inside (`trainer.fit`)."""
    return last_name(call.func) in BACKWARD


def scaler_of(call: cst.Call) -> cst.BaseExpression | None:
    """Return the gradient scaler that multiplies the loss, or None."""
    scaled = call.func.value if isinstance(call.func, cst.Attribute) else None
    if not isinstance(scaled, cst.Call) or not isinstance(scaled.func, cst.Attribute):
        return None
    return scaled.func.value if last_name(scaled.func) == "scale" and scaled.args else None


def loss_of(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return the expression of which the gradient is taken, before any scaler, or None."""
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    if receiver is None or syntax.is_module(receiver) or _is_engine(syntax, call, receiver):
        given = [argument.value for argument in call.args if argument.keyword is None and not argument.star]
        first = given[0] if given else None
        is_listed = isinstance(first, cst.List | cst.Tuple) and len(first.elements) == 1
        return first.elements[0].value if is_listed and isinstance(first, cst.List | cst.Tuple) else first
    if scaler_of(call) is not None and isinstance(receiver, cst.Call):
        return receiver.args[0].value
    return receiver


def _is_engine(syntax: Syntax, call: cst.Call, receiver: cst.BaseExpression) -> bool:
    made = value_behind(syntax, receiver)
    kind = last_name(made.func) if isinstance(made, cst.Call) else ""
    return last_name(call.func) == "manual_backward" or bool({kind.lower(), last_name(receiver)} & ENGINES)
