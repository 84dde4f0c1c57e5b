"""Recognise which activation function a call applies, and replace it by another one.

An activation is written as a module, ``nn.Sigmoid()``, a function, ``torch.sigmoid(z)``, or a method, ``z.sigmoid()``.
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.literals import is_number
from descend.doctor.codemod.syntax import Change, Syntax, dotted_name_expression, last_name

MODULE_CLASSES = {  # name of an activation function -> name of its module class in torch.nn
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
# These activations are also functions of `torch` and methods of tensors.
TENSOR_METHODS = frozenset({"relu", "tanh", "sigmoid", "softmax", "log_softmax"})
FUNCTIONAL_SPELLING = {"log_sigmoid": "logsigmoid"}  # canonical name -> name in torch.nn.functional
IN_PLACE = frozenset({"relu", "leaky_relu", "elu", "silu"})  # activation functions with an argument `inplace`
FUNCTIONAL_MODULES = {"F", "functional"}  # names by which scripts usually import torch.nn.functional


def is_class_name(name: str) -> bool:
    """Return whether an activation is named like a module class, ``Sigmoid``, rather than a function, ``sigmoid``."""
    return name[:1].isupper()


def canonical_activation(name: str) -> str:
    """Return the canonical name of an activation: ``leaky_relu`` for ``LeakyReLU`` and for ``leaky_relu_``."""
    plain = name.rstrip("_")
    known = {spelling: kind for kind, spelling in (*MODULE_CLASSES.items(), *FUNCTIONAL_SPELLING.items())}
    return known.get(plain, plain.lower() if is_class_name(plain) else plain)


def construct_activation(call: cst.Call, activation: str, arguments: Sequence[cst.Arg] = ()) -> cst.Call:
    """Return a call that constructs an activation module, such as ``nn.ReLU()``, with the prefix used in `call`."""
    return construct_module(call, MODULE_CLASSES[activation], arguments)


def construct_module(call: cst.Call, name: str, arguments: Sequence[cst.Arg] = ()) -> cst.Call:
    """Return a call that constructs a module of torch.nn, such as ``nn.ReLU()``, with the prefix used in `call`."""
    callee = call.func
    if isinstance(callee, cst.Attribute) and last_name(callee.value) in ("nn", "modules"):
        return cst.Call(callee.with_changes(attr=cst.Name(name)), arguments)
    return cst.Call(dotted_name_expression(f"torch.nn.{name}"), arguments)


def activation_input(syntax: Syntax, call: cst.Call) -> cst.BaseExpression | None:
    """Return the input of an activation: the first argument of a function, or ``z`` of the method ``z.relu()``."""
    given = [a.value for a in call.args if a.star == "" and (a.keyword is None or a.keyword.value == "input")]
    first = given[0] if given else None
    if not isinstance(call.func, cst.Attribute) or syntax.is_module(call.func.value):
        return first
    if first is None or is_number(first):
        return call.func.value
    is_function = isinstance(call.func.value, cst.Name) and call.func.value.value == "self"
    # `z.softmax(d)` and `ops.softmax(z)` look alike, so the source does not show which name is the input.
    return first if is_function else None


def replace_activation(
    syntax: Syntax, call: cst.Call, activation: str, arguments: Sequence[cst.Arg] = ()
) -> Change | None:
    """Return the edit that makes `call` apply another activation to the same input; None if the input is unclear.

    The spelling is kept if the new activation can be spelled so: ``F.sigmoid(z)`` becomes ``F.relu(z)``, and
    ``z.sigmoid()`` becomes ``z.relu()``. `arguments` are further arguments of the new activation (``dim=1``).
    """
    inputs = activation_input(syntax, call)
    if inputs is None:
        return None
    if isinstance(call.func, cst.Attribute) and inputs is call.func.value:
        return lambda now: _replace_method(now, activation, arguments)
    at = next(i for i, argument in enumerate(call.args) if argument.value is inputs)
    is_plain = isinstance(call.func, cst.Attribute) and syntax.is_module(call.func.value)
    return lambda now: _replace_function(now, at, activation, arguments, is_plain)


def _replace_method(now: cst.CSTNode, activation: str, arguments: Sequence[cst.Arg]) -> cst.Call:
    """Return the method call with another activation: ``z.relu()`` for ``z.sigmoid()``."""
    assert isinstance(now, cst.Call) and isinstance(now.func, cst.Attribute)
    end = _in_place_suffix(now, activation)
    if activation in TENSOR_METHODS:
        return now.with_changes(func=now.func.with_changes(attr=cst.Name(activation + end)), args=arguments)
    return cst.Call(_qualified_function(activation, end), [cst.Arg(now.func.value), *arguments])


def _replace_function(
    now: cst.CSTNode, at: int, activation: str, arguments: Sequence[cst.Arg], is_plain: bool
) -> cst.Call:
    """Return the function call with another activation but the same input: ``F.relu(z)`` for ``F.sigmoid(z)``."""
    assert isinstance(now, cst.Call)
    callee, end = now.func, _in_place_suffix(now, activation)
    func = _qualified_function(activation, end)
    if is_plain and isinstance(callee, cst.Attribute) and _has_function(last_name(callee.value), activation):
        func = callee.with_changes(attr=func.attr)
    kept = [now.args[at]]
    if activation in IN_PLACE and last_name(func.value) in FUNCTIONAL_MODULES:
        kept += [a for a in now.args if a.keyword is not None and a.keyword.value == "inplace"]
    *others, last = [*kept, *arguments]
    return now.with_changes(func=func, args=[*others, last.with_changes(comma=cst.MaybeSentinel.DEFAULT)])


def _qualified_function(activation: str, end: str) -> cst.Attribute:
    """Return an activation function with its full module path, such as ``torch.nn.functional.gelu``."""
    if activation in TENSOR_METHODS:
        return cst.Attribute(dotted_name_expression("torch"), cst.Name(activation + end))
    return cst.Attribute(
        dotted_name_expression("torch.nn.functional"), cst.Name(FUNCTIONAL_SPELLING.get(activation, activation) + end)
    )


def _has_function(namespace: str, activation: str) -> bool:
    """Return whether the imported module `namespace`, such as ``torch`` or ``F``, has a function for the activation."""
    return namespace in FUNCTIONAL_MODULES or (namespace == "torch" and activation in TENSOR_METHODS)


def _in_place_suffix(call: cst.Call, activation: str) -> str:
    """Return "_", as in ``relu_``, if the old call works in place and the new activation can, too; else ""."""
    has_form = activation in IN_PLACE | TENSOR_METHODS - {"softmax", "log_softmax"}
    return "_" if last_name(call.func).endswith("_") and has_form and activation != "silu" else ""
