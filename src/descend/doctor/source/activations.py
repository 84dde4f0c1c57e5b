"""How an activation is written (`nn.Sigmoid()`, `torch.sigmoid(z)`, `z.sigmoid()`), and how another takes its place."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.literals import is_number
from descend.doctor.source.syntax import Change, Syntax, dotted, last_name

MODULES = {  # what the function is called -> the class in torch.nn
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "log_sigmoid": "LogSigmoid",
    "softplus": "Softplus",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "identity": "Identity",
}
OF_TENSORS = frozenset({"relu", "tanh", "sigmoid", "softmax", "log_softmax"})  # also in `torch`, and methods
IN_FUNCTIONAL = {"log_sigmoid": "logsigmoid"}  # where torch.nn.functional spells it otherwise
IN_PLACE = frozenset({"relu", "leaky_relu", "elu", "silu"})  # take `inplace`
FUNCTIONAL = {"F", "functional"}  # last names of torch.nn.functional


def is_constructor(name: str) -> bool:
    """Return whether an activation is called by the name of a module's class (`Sigmoid`), not of a function."""
    return name[:1].isupper()


def activation_of(name: str) -> str:
    """Return which activation a class or function is: `LeakyReLU`, `leaky_relu_` and `leaky_relu` are one."""
    plain = name.rstrip("_")
    known = {spelling: kind for kind, spelling in (*MODULES.items(), *IN_FUNCTIONAL.items())}
    return known.get(plain, plain.lower() if is_constructor(plain) else plain)


def constructor(call: cst.Call, activation: str, arguments: Sequence[cst.Arg] = ()) -> cst.Call:
    """Return the construction of another activation's module, from where the call has its own."""
    return made_like(call, MODULES[activation], arguments)


def made_like(call: cst.Call, name: str, arguments: Sequence[cst.Arg] = ()) -> cst.Call:
    """Return the construction of another of torch.nn's modules, from where the call has its own."""
    callee = call.func
    if isinstance(callee, cst.Attribute) and last_name(callee.value) in ("nn", "modules"):
        return cst.Call(callee.with_changes(attr=cst.Name(name)), arguments)
    return cst.Call(dotted(f"torch.nn.{name}"), arguments)


def activated(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return what an activation is applied to: a function's first argument, or the receiver of a method."""
    given = [a.value for a in call.args if a.star == "" and (a.keyword is None or a.keyword.value == "input")]
    first = given[0] if given else None
    if not isinstance(call.func, cst.Attribute) or syntax.is_module(call.func.value):
        return first
    if first is None or is_number(first):
        return call.func.value
    is_function = isinstance(call.func.value, cst.Name) and call.func.value.value == "self"
    return first if is_function else None  # `z.softmax(d)` and `ops.softmax(z)` look alike


def other_activation(
    syntax: Syntax, call: cst.Call, activation: str, arguments: Sequence[cst.Arg] = ()
) -> Change | None:
    """Return the edit that applies another activation to the same input; None where the input is not told.

    The way of writing stays where the other one can be written so: `F.sigmoid(z)` becomes `F.relu(z)`,
    `z.sigmoid()` becomes `z.relu()`. `arguments` are what the other one needs besides (`dim=1`).
    """
    inputs = activated(syntax, call)
    if inputs is None:
        return None
    if isinstance(call.func, cst.Attribute) and inputs is call.func.value:
        return lambda now: _as_method(now, activation, arguments)
    at = next(i for i, argument in enumerate(call.args) if argument.value is inputs)
    is_plain = isinstance(call.func, cst.Attribute) and syntax.is_module(call.func.value)
    return lambda now: _as_function(now, at, activation, arguments, is_plain)


def _as_method(now: cst.CSTNode, activation: str, arguments: Sequence[cst.Arg]) -> cst.Call:
    assert isinstance(now, cst.Call) and isinstance(now.func, cst.Attribute)
    end = _ending(now, activation)
    if activation in OF_TENSORS:
        return now.with_changes(func=now.func.with_changes(attr=cst.Name(activation + end)), args=arguments)
    return cst.Call(_function(activation, end), [cst.Arg(now.func.value), *arguments])


def _as_function(now: cst.CSTNode, at: int, activation: str, arguments: Sequence[cst.Arg], is_plain: bool) -> cst.Call:
    assert isinstance(now, cst.Call)
    callee, end = now.func, _ending(now, activation)
    func = _function(activation, end)
    if is_plain and isinstance(callee, cst.Attribute) and _has(last_name(callee.value), activation):
        func = callee.with_changes(attr=func.attr)
    kept = [now.args[at]]
    if activation in IN_PLACE and last_name(func.value) in FUNCTIONAL:
        kept += [a for a in now.args if a.keyword is not None and a.keyword.value == "inplace"]
    *others, last = [*kept, *arguments]
    return now.with_changes(func=func, args=[*others, last.with_changes(comma=cst.MaybeSentinel.DEFAULT)])


def _function(activation: str, end: str) -> cst.Attribute:
    """Return the function by its whole name."""
    if activation in OF_TENSORS:
        return cst.Attribute(dotted("torch"), cst.Name(activation + end))
    return cst.Attribute(dotted("torch.nn.functional"), cst.Name(IN_FUNCTIONAL.get(activation, activation) + end))


def _has(namespace: str, activation: str) -> bool:
    return namespace in FUNCTIONAL or (namespace == "torch" and activation in OF_TENSORS)


def _ending(call: cst.Call, activation: str) -> str:
    """Return the underscore of a function that works in place, where the other one has such a form."""
    has_form = activation in IN_PLACE | OF_TENSORS - {"softmax", "log_softmax"}
    return "_" if last_name(call.func).endswith("_") and has_form and activation != "silu" else ""
