"""Find where gradients are disabled: in a block, in a function, or after a statement."""

import libcst as cst
from libcst import matchers as m

from descend.doctor.codemod.syntax import Syntax

NO_GRAD = m.Name("no_grad") | m.Name("inference_mode")
NO_GRAD_REFERENCE = NO_GRAD | m.Attribute(attr=NO_GRAD)
SETTER = m.Name("set_grad_enabled")
SET_GRAD_ENABLED_FALSE = m.Call(func=SETTER | m.Attribute(attr=SETTER), args=[m.Arg(m.Name("False"))])
DISABLES_GRADIENTS = NO_GRAD_REFERENCE | m.Call(func=NO_GRAD_REFERENCE) | SET_GRAD_ENABLED_FALSE


def grad_disabling_parts(outer: cst.CSTNode) -> list[cst.WithItem | cst.Decorator]:
    """Return the items of a ``with`` statement, or the decorators of a function, that disable gradients."""
    if isinstance(outer, cst.With):
        return [item for item in outer.items if m.matches(item.item, DISABLES_GRADIENTS)]
    decorators = outer.decorators if isinstance(outer, cst.FunctionDef) else ()
    return [decorator for decorator in decorators if m.matches(decorator.decorator, DISABLES_GRADIENTS)]


def block_without_gradients(syntax: Syntax, node: cst.CSTNode) -> cst.With | cst.FunctionDef | None:
    """Return the innermost ``with`` block or function around the node in which gradients are disabled, or None."""
    blocks = (outer for outer in syntax.ancestors(node) if isinstance(outer, cst.With | cst.FunctionDef))
    return next((outer for outer in blocks if grad_disabling_parts(outer)), None)
