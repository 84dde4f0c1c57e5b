"""Where gradients are switched off: in a block, in a whole function, or from a statement on."""

import libcst as cst
from libcst import matchers as m

from descend.doctor.source.syntax import Syntax

NO_GRAD = m.Name("no_grad") | m.Name("inference_mode")
SWITCH = NO_GRAD | m.Attribute(attr=NO_GRAD)
SETTER = m.Name("set_grad_enabled")
TURNED_OFF = m.Call(func=SETTER | m.Attribute(attr=SETTER), args=[m.Arg(m.Name("False"))])
SWITCHED_OFF = SWITCH | m.Call(func=SWITCH) | TURNED_OFF


def switches(outer: cst.CSTNode) -> list[cst.WithItem | cst.Decorator]:
    """Return what of the head of a block, or of a function's decorators, switches gradients off within."""
    if isinstance(outer, cst.With):
        return [item for item in outer.items if m.matches(item.item, SWITCHED_OFF)]
    decorators = outer.decorators if isinstance(outer, cst.FunctionDef) else ()
    return [decorator for decorator in decorators if m.matches(decorator.decorator, SWITCHED_OFF)]


def block_without_gradients(syntax: Syntax, node: cst.CSTNode) -> cst.With | cst.FunctionDef | None:
    """Return the innermost block or function around the node in which gradients are switched off."""
    blocks = (outer for outer in syntax.ancestors(node) if isinstance(outer, cst.With | cst.FunctionDef))
    return next((outer for outer in blocks if switches(outer)), None)
