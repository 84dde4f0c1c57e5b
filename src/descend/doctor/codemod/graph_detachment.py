"""Find the places where the loss, or a value it is computed from, leaves the autograd graph, and attach it again.

A value leaves the graph through ``.detach()``, ``.data``, an array, a number, a ``no_grad`` block or a fresh deep copy
of the network. The search goes backwards from the loss.
"""

from collections.abc import Iterator

import libcst as cst
from libcst import matchers as m

from descend.doctor.codemod.bindings import Loop, loops_around
from descend.doctor.codemod.functions import called_functions, enclosing_scope, is_parameter
from descend.doctor.codemod.insert import replace_body
from descend.doctor.codemod.names import keyword_value, value_of
from descend.doctor.codemod.no_grad_blocks import DISABLES_GRADIENTS, block_without_gradients, grad_disabling_parts
from descend.doctor.codemod.remove import remove_statement
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.unwrap_call import unwrap_call
from descend.doctor.codemod.value_origins import contributing_expressions, is_list, values_of_name

DETACHING_METHODS = ("detach", "detach_", "item", "tolist", "numpy")
DETACHING_CALL = m.Call(func=m.Attribute(attr=m.OneOf(*map(m.Name, DETACHING_METHODS))), args=[])
DATA_ATTRIBUTE = m.Attribute(attr=m.Name("data"))
FLOAT_CALL = m.Call(func=m.Name("float"), args=[m.Arg(keyword=None)])
TENSOR_MAKERS = m.OneOf(*map(m.Name, ("tensor", "as_tensor", "from_numpy", "Variable")))
TENSOR_CALL = m.Call(func=TENSOR_MAKERS | m.Attribute(attr=TENSOR_MAKERS), args=[m.Arg(keyword=None), m.ZeroOrMore()])
REQUIRES_GRAD = m.Arg(keyword=m.Name("requires_grad"), value=m.Name("True"))
CALL_WITH_REQUIRES_GRAD = m.Call(args=[m.ZeroOrMore(), REQUIRES_GRAD, m.ZeroOrMore()])
DEEPCOPY = m.Name("deepcopy")
DEEPCOPY_CALL = m.Call(func=DEEPCOPY | m.Attribute(attr=DEEPCOPY), args=[m.Arg()])
# The tensors in a state dict are detached.
STATE_DICT_CALL = m.Call(func=m.Attribute(attr=m.Name("state_dict")), args=[])
PARAMETERS_CALL = m.Call(func=m.Attribute(attr=m.Name("parameters") | m.Name("named_parameters")))
SAMPLING = m.OneOf(*map(m.Name, ("argmax", "multinomial", "randint", "sample")))  # functions that have no derivative
SAMPLING_CALL = m.Call(func=SAMPLING | m.Attribute(attr=SAMPLING))


def find_detachments(syntax: Syntax, loss: cst.BaseExpression) -> list[cst.CSTNode]:
    """Return each piece of code that detaches the loss, or a value it depends on, from the autograd graph."""
    met = list(dict.fromkeys(contributing_expressions(syntax, loss)))
    around = loops_around(syntax, loss)[:1]
    found: list[cst.CSTNode] = []
    for node in met:
        if (
            _detaches_output(syntax, node)
            or m.matches(node, DEEPCOPY_CALL)
            and _is_copied_for_each_loss(syntax, node, loss, around)
        ):
            found.append(node)
        for outer in syntax.ancestors(node):
            off = grad_disabling_parts(outer)
            found.extend([outer] if off and isinstance(outer, cst.With) else off)
            if isinstance(outer, cst.FunctionDef):
                break
    if met:
        found.extend(_grad_disabling_statements(syntax, loss))
        found.extend(_requires_grad_assignments(syntax, met))
    return list(dict.fromkeys(found))


def is_attached(syntax: Syntax, loss: cst.BaseExpression) -> bool:
    """Return whether the loss still depends on a network's output through the autograd graph."""

    def is_detached(node: cst.CSTNode) -> bool:
        """Return whether the value of a node is detached from the graph, so that its inputs need not be searched."""
        is_cut = isinstance(node, cst.BaseExpression) and _detaches_output(syntax, node)
        return is_cut or block_without_gradients(syntax, node) is not None

    return any(_is_learnable(syntax, part) for part in contributing_expressions(syntax, loss, is_detached))


def attach_to_graph(syntax: Syntax, cut: cst.CSTNode) -> str:
    """Return the source after removal of `cut`, a call, statement or decorator that detaches a value from the graph."""
    if isinstance(cut, cst.With):
        return _without_block_head(syntax, cut)
    if isinstance(cut, cst.Decorator):
        function = cst.ensure_type(syntax.parents[cut], cst.FunctionDef)
        others = [decorator for decorator in function.decorators if decorator is not cut]
        return syntax.replace(function, function.with_changes(decorators=others))
    if isinstance(cut, cst.Expr | cst.Assign):
        return remove_statement(syntax, cut)
    assert isinstance(cut, cst.Call | cst.Attribute)
    if isinstance(cut, cst.Call) and m.matches(cut, STATE_DICT_CALL):
        kept = cst.ensure_type(cst.parse_expression("f(keep_vars=True)"), cst.Call)
        return syntax.replace(cut, cut.with_changes(args=kept.args))
    inner = _detached_value(cut)
    if is_list(syntax, inner) and (stacked := _stack_call(cut, inner)) is not None:
        return syntax.replace(cut, stacked)
    return unwrap_call(syntax, cut, inner)


def _detached_value(cut: cst.Call | cst.Attribute) -> cst.BaseExpression:
    """Return the expression that a call or an attribute detaches: ``loss`` for ``loss.detach()`` and ``loss.data``."""
    if isinstance(cut, cst.Attribute):
        return cut.value
    return (
        cut.func.value if m.matches(cut, DETACHING_CALL) and isinstance(cut.func, cst.Attribute) else cut.args[0].value
    )


def _stack_call(cut: cst.CSTNode, values: cst.BaseExpression) -> cst.Call | None:
    """Return ``torch.stack(values)`` for ``torch.tensor(values)``, which detaches the values; None for other calls."""
    if not isinstance(cut, cst.Call) or not isinstance(cut.func, cst.Attribute) or m.matches(cut, DETACHING_CALL):
        return None
    return cst.Call(cut.func.with_changes(attr=cst.Name("stack")), [cst.Arg(values)])


def _detaches_output(syntax: Syntax, node: cst.BaseExpression, within: frozenset[cst.CSTNode] = frozenset()) -> bool:
    """Return whether an expression detaches a network's output, rather than data, from the autograd graph.

    `within` holds the expressions that are already being checked, since ``x = torch.tensor(x)`` depends on itself.
    """
    if node in within:
        return False
    if isinstance(node, cst.Call | cst.Attribute) and m.matches(node, DETACHING_CALL | DATA_ATTRIBUTE | FLOAT_CALL):
        inner = _detached_value(node)
        given = [expression for expression, _ in values_of_name(syntax, inner)] if isinstance(inner, cst.Name) else []
        return not any(m.matches(e, SAMPLING_CALL) for e in (inner, *given)) and any(
            _is_learnable(syntax, part) for part in contributing_expressions(syntax, _detached_value(node))
        )
    if isinstance(node, cst.Call) and m.matches(node, TENSOR_CALL):
        parts = list(contributing_expressions(syntax, node.args[0].value))
        # `torch.tensor(a + b, requires_grad=True)` turns a network's outputs into a new leaf of the graph.
        makes_leaf = m.matches(node, CALL_WITH_REQUIRES_GRAD)
        return any(
            _detaches_output(syntax, p, within | {node}) or makes_leaf and _is_learnable(syntax, p) for p in parts
        )
    return m.matches(node, STATE_DICT_CALL)


def _is_copied_for_each_loss(syntax: Syntax, copied: cst.CSTNode, loss: cst.CSTNode, around: list[Loop]) -> bool:
    """Return whether a network is copied again for each loss, and not only once, as for a second network."""
    home = enclosing_scope(syntax, copied)
    if home is not enclosing_scope(syntax, loss):
        return home is not syntax.module
    return any(outer in around for outer in syntax.ancestors(copied))


def _is_learnable(syntax: Syntax, node: cst.BaseExpression) -> bool:
    """Return whether an expression is the output of a network, or a tensor that requires a gradient."""
    if m.matches(node, PARAMETERS_CALL):
        return True
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name | cst.Attribute):
        own = m.matches(node.func, m.Attribute(value=m.Name("self"))) and not called_functions(syntax, node)
        return own or is_parameter(syntax, node.func) or isinstance(value_of(syntax, node.func), cst.Call)
    made = value_of(syntax, node) if isinstance(node, cst.Name) else None
    return isinstance(made, cst.Call) and (
        last_name(made.func) == "Parameter" or keyword_value(made, "requires_grad") is not None
    )


def _grad_disabling_statements(syntax: Syntax, loss: cst.BaseExpression) -> Iterator[cst.Expr]:
    """Yield statements such as ``torch.set_grad_enabled(False)`` in the function that computes the loss."""
    for statement in syntax.every(cst.Expr, enclosing_scope(syntax, loss)):
        if m.matches(statement.value, DISABLES_GRADIENTS):
            yield statement


def _requires_grad_assignments(syntax: Syntax, met: list[cst.BaseExpression]) -> Iterator[cst.Assign]:
    """Yield assignments ``x.requires_grad = True`` to a network's output, which torch allows only for leaf tensors."""
    homes = {node.value: enclosing_scope(syntax, node) for node in met if isinstance(node, cst.Name)}
    for assign in syntax.every(cst.Assign):
        target = assign.targets[0].target
        if not m.matches(target, m.Attribute(value=m.Name(), attr=m.Name("requires_grad"))):
            continue
        name = cst.ensure_type(cst.ensure_type(target, cst.Attribute).value, cst.Name)
        is_met = homes.get(name.value) is enclosing_scope(syntax, name)
        if is_met and any(_is_learnable(syntax, part) for part in contributing_expressions(syntax, name)):
            yield assign


def _without_block_head(syntax: Syntax, block: cst.With) -> str:
    """Return the edited source without ``with torch.no_grad():`` around the statements of a block."""
    off = grad_disabling_parts(block)
    kept = [item for item in block.items if item not in off]
    if kept:
        last = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return syntax.replace(block, block.with_changes(items=[*kept[:-1], last]))
    around = syntax.parents[block]
    inner: list[cst.CSTNode] = list(block.body.body)
    if isinstance(block.body, cst.SimpleStatementSuite):
        inner = [cst.SimpleStatementLine([statement]) for statement in block.body.body]
    comments = [*block.leading_lines, *inner[0].leading_lines]  # type: ignore[attr-defined]
    inner[0] = inner[0].with_changes(leading_lines=comments)
    assert isinstance(around, cst.Module | cst.IndentedBlock)
    body: list[cst.CSTNode] = list(around.body)
    at = body.index(block)
    return replace_body(syntax, around, [*body[:at], *inner, *body[at + 1 :]])
