"""Which library an array is of, PyTorch or NumPy, as far as the text tells: by what makes it."""

import libcst as cst

from descend.doctor.source.functions import home_of
from descend.doctor.source.names import is_target, value_of_target
from descend.doctor.source.syntax import Syntax

LIBRARIES = ("torch", "numpy")
OF_TENSORS = frozenset("float double half long to cuda cpu clone unsqueeze".split())  # methods that no array has
DEPTH = 8  # calls, operations and names


def array_library(syntax: Syntax, name: str, at: cst.CSTNode, depth: int = DEPTH) -> str:
    """Return `torch` or `numpy`: the library of what is last called so, up to `at`; "" where the text does not say."""
    home, line = home_of(syntax, at), syntax.line(at)
    targets = [n for n in syntax.every(cst.Name, home) if n.value == name and is_target(syntax, n)]
    earlier = [n for n in targets if syntax.line(n) <= line and home_of(syntax, n) is home]
    value = value_of_target(syntax, earlier[-1]) if earlier else None
    return _library(syntax, value, depth) if value is not None else ""


def _library(syntax: Syntax, value: cst.BaseExpression, depth: int) -> str:
    if not depth:
        return ""
    if isinstance(value, cst.Subscript):
        return _library(syntax, value.value, depth - 1)
    if isinstance(value, cst.BinaryOperation):
        return _library(syntax, value.left, depth - 1) or _library(syntax, value.right, depth - 1)
    if isinstance(value, cst.Name):
        return array_library(syntax, value.value, value, depth - 1)
    if not isinstance(value, cst.Call):
        return ""
    scope = syntax.scopes.get(value.func)
    roots = {known.name.partition(".")[0] for known in scope.get_qualified_names_for(value.func)} if scope else set()
    if library := next((library for library in LIBRARIES if library in roots), ""):
        return library
    if not isinstance(value.func, cst.Attribute):
        return ""
    return "torch" if value.func.attr.value in OF_TENSORS else _library(syntax, value.func.value, depth - 1)
