"""Infer from the source whether an array belongs to PyTorch or NumPy."""

import libcst as cst

from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.names import is_target, value_of_target
from descend.doctor.codemod.syntax import Syntax

LIBRARIES = ("torch", "numpy")
# PyTorch tensors have these methods, but NumPy arrays do not.
TENSOR_ONLY_METHODS = frozenset("float double half long to cuda cpu clone unsqueeze".split())
MAX_DEPTH = 8  # largest number of calls, operations and variables through which an array is followed


def array_library(syntax: Syntax, name: str, at: cst.CSTNode, depth: int = MAX_DEPTH) -> str:
    """Return "torch" or "numpy" for the array that `name` holds at the node `at`; "" if the source shows neither."""
    home, line = enclosing_scope(syntax, at), syntax.line(at)
    targets = [n for n in syntax.every(cst.Name, home) if n.value == name and is_target(syntax, n)]
    earlier = [n for n in targets if syntax.line(n) <= line and enclosing_scope(syntax, n) is home]
    value = value_of_target(syntax, earlier[-1]) if earlier else None
    return _expression_library(syntax, value, depth) if value is not None else ""


def _expression_library(syntax: Syntax, value: cst.BaseExpression, depth: int) -> str:
    """Return "torch" or "numpy" for the value of an expression; "" if the source shows neither."""
    if not depth:
        return ""
    if isinstance(value, cst.Subscript):
        return _expression_library(syntax, value.value, depth - 1)
    if isinstance(value, cst.BinaryOperation):
        return _expression_library(syntax, value.left, depth - 1) or _expression_library(syntax, value.right, depth - 1)
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
    return (
        "torch"
        if value.func.attr.value in TENSOR_ONLY_METHODS
        else _expression_library(syntax, value.func.value, depth - 1)
    )
