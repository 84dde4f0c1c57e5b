"""Where what the loss is made of leaves the graph: `.detach()`, `.data`, an array, a number, a block without gradients,
a copy of the network that is made anew each time.

It is followed backwards from the loss.
"""

from collections.abc import Iterator

import libcst as cst
from libcst import matchers as m

from descend.doctor.source.bindings import Loop, loops_around
from descend.doctor.source.functions import called_functions, home_of, is_parameter
from descend.doctor.source.give_way import give_way
from descend.doctor.source.insert import with_body
from descend.doctor.source.made_of import given_to, is_list, made_of
from descend.doctor.source.names import given_keyword, value_behind
from descend.doctor.source.remove import remove
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.without_gradients import SWITCHED_OFF, block_without_gradients, switches

LEAVES = ("detach", "detach_", "item", "tolist", "numpy")
LEAVING = m.Call(func=m.Attribute(attr=m.OneOf(*map(m.Name, LEAVES))), args=[])
DATA = m.Attribute(attr=m.Name("data"))
NUMBER = m.Call(func=m.Name("float"), args=[m.Arg(keyword=None)])
MAKERS = m.OneOf(*map(m.Name, ("tensor", "as_tensor", "from_numpy", "Variable")))
REBUILT = m.Call(func=MAKERS | m.Attribute(attr=MAKERS), args=[m.Arg(keyword=None), m.ZeroOrMore()])
ASKED = m.Arg(keyword=m.Name("requires_grad"), value=m.Name("True"))
ASKING = m.Call(args=[m.ZeroOrMore(), ASKED, m.ZeroOrMore()])
DEEPCOPY = m.Name("deepcopy")
COPIED = m.Call(func=DEEPCOPY | m.Attribute(attr=DEEPCOPY), args=[m.Arg()])
STATE = m.Call(func=m.Attribute(attr=m.Name("state_dict")), args=[])  # its tensors are detached
PARAMETERS = m.Call(func=m.Attribute(attr=m.Name("parameters") | m.Name("named_parameters")))
DRAW = m.OneOf(*map(m.Name, ("argmax", "multinomial", "randint", "sample")))  # what they give has no derivative
DRAWN = m.Call(func=DRAW | m.Attribute(attr=DRAW))


def cuts(syntax: Syntax, loss: cst.BaseExpression) -> list[cst.CSTNode]:
    """Return what takes the loss, or what it is made of, off the graph: calls, attributes, blocks, decorators."""
    met = list(dict.fromkeys(made_of(syntax, loss)))
    around = loops_around(syntax, loss)[:1]
    found: list[cst.CSTNode] = []
    for node in met:
        if _is_cut(syntax, node) or m.matches(node, COPIED) and _is_made_anew(syntax, node, loss, around):
            found.append(node)
        for outer in syntax.ancestors(node):
            off = switches(outer)
            found.extend([outer] if off and isinstance(outer, cst.With) else off)
            if isinstance(outer, cst.FunctionDef):
                break
    if met:
        found.extend(_switched_off(syntax, loss))
        found.extend(_made_leaves(syntax, met))
    return list(dict.fromkeys(found))


def is_joined(syntax: Syntax, loss: cst.BaseExpression) -> bool:
    """Whether something that a network gives comes to the loss by a way on which nothing leaves the graph."""

    def ends(node: cst.CSTNode) -> bool:
        is_cut = isinstance(node, cst.BaseExpression) and _is_cut(syntax, node)
        return is_cut or block_without_gradients(syntax, node) is not None

    return any(_is_learnt(syntax, part) for part in made_of(syntax, loss, ends))


def joined(syntax: Syntax, cut: cst.CSTNode) -> str:
    """Return the file's text with what a cut takes off the graph left on it."""
    if isinstance(cut, cst.With):
        return _unwrapped(syntax, cut)
    if isinstance(cut, cst.Decorator):
        function = cst.ensure_type(syntax.parents[cut], cst.FunctionDef)
        others = [decorator for decorator in function.decorators if decorator is not cut]
        return syntax.replace(function, function.with_changes(decorators=others))
    if isinstance(cut, cst.Expr | cst.Assign):
        return remove(syntax, cut)
    assert isinstance(cut, cst.Call | cst.Attribute)
    if isinstance(cut, cst.Call) and m.matches(cut, STATE):
        kept = cst.ensure_type(cst.parse_expression("f(keep_vars=True)"), cst.Call)
        return syntax.replace(cut, cut.with_changes(args=kept.args))
    inner = _inner(cut)
    if is_list(syntax, inner) and (stacked := _stacked(cut, inner)) is not None:
        return syntax.replace(cut, stacked)
    return give_way(syntax, cut, inner)


def _inner(cut: cst.Call | cst.Attribute) -> cst.BaseExpression:
    """Return what is taken off the graph."""
    if isinstance(cut, cst.Attribute):
        return cut.value
    return cut.func.value if m.matches(cut, LEAVING) and isinstance(cut.func, cst.Attribute) else cut.args[0].value


def _stacked(cut: cst.CSTNode, values: cst.BaseExpression) -> cst.Call | None:
    """Return the tensor of several tensors, by the name that torch has where one of their numbers was made."""
    if not isinstance(cut, cst.Call) or not isinstance(cut.func, cst.Attribute) or m.matches(cut, LEAVING):
        return None
    return cst.Call(cut.func.with_changes(attr=cst.Name("stack")), [cst.Arg(values)])


def _is_cut(syntax: Syntax, node: cst.BaseExpression, within: frozenset[cst.CSTNode] = frozenset()) -> bool:
    """Whether an expression takes something off the graph that a network has made: data were never on it.

    `within` are the expressions that are asked about already: `x = torch.tensor(x)` is made of itself.
    """
    if node in within:
        return False
    if isinstance(node, cst.Call | cst.Attribute) and m.matches(node, LEAVING | DATA | NUMBER):
        inner = _inner(node)
        given = [expression for expression, _ in given_to(syntax, inner)] if isinstance(inner, cst.Name) else []
        return not any(m.matches(e, DRAWN) for e in (inner, *given)) and any(
            _is_learnt(syntax, part) for part in made_of(syntax, _inner(node))
        )
    if isinstance(node, cst.Call) and m.matches(node, REBUILT):
        parts = list(made_of(syntax, node.args[0].value))
        asks = m.matches(node, ASKING)  # for a gradient of its own: `torch.tensor(a + b, requires_grad=True)`
        return any(_is_cut(syntax, p, within | {node}) or asks and _is_learnt(syntax, p) for p in parts)
    return m.matches(node, STATE)


def _is_made_anew(syntax: Syntax, copied: cst.CSTNode, loss: cst.CSTNode, around: list[Loop]) -> bool:
    """Whether a copy is made for each loss: one that was made before is another network, and meant to be."""
    home = home_of(syntax, copied)
    if home is not home_of(syntax, loss):
        return home is not syntax.module
    return any(outer in around for outer in syntax.ancestors(copied))


def _is_learnt(syntax: Syntax, node: cst.BaseExpression) -> bool:
    """Whether it is the call of a network, or a tensor that asks for a gradient."""
    if m.matches(node, PARAMETERS):
        return True
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name | cst.Attribute):
        own = m.matches(node.func, m.Attribute(value=m.Name("self"))) and not called_functions(syntax, node)
        return own or is_parameter(syntax, node.func) or isinstance(value_behind(syntax, node.func), cst.Call)
    made = value_behind(syntax, node) if isinstance(node, cst.Name) else None
    return isinstance(made, cst.Call) and (
        last_name(made.func) == "Parameter" or given_keyword(made, "requires_grad") is not None
    )


def _switched_off(syntax: Syntax, loss: cst.BaseExpression) -> Iterator[cst.Expr]:
    """Yield statements that switch gradients off in the function that makes the loss."""
    for statement in syntax.every(cst.Expr, home_of(syntax, loss)):
        if m.matches(statement.value, SWITCHED_OFF):
            yield statement


def _made_leaves(syntax: Syntax, met: list[cst.BaseExpression]) -> Iterator[cst.Assign]:
    """Yield statements that ask for a gradient of what a network has made, as only a leaf's can be asked for."""
    homes = {node.value: home_of(syntax, node) for node in met if isinstance(node, cst.Name)}
    for assign in syntax.every(cst.Assign):
        target = assign.targets[0].target
        if not m.matches(target, m.Attribute(value=m.Name(), attr=m.Name("requires_grad"))):
            continue
        name = cst.ensure_type(cst.ensure_type(target, cst.Attribute).value, cst.Name)
        is_met = homes.get(name.value) is home_of(syntax, name)
        if is_met and any(_is_learnt(syntax, part) for part in made_of(syntax, name)):
            yield assign


def _unwrapped(syntax: Syntax, block: cst.With) -> str:
    """Return the text with what stands in a block in its place."""
    off = switches(block)
    kept = [item for item in block.items if item not in off]
    if kept:
        last = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return syntax.replace(block, block.with_changes(items=[*kept[:-1], last]))
    around = syntax.parents[block]
    inner: list[cst.CSTNode] = list(block.body.body)
    if isinstance(block.body, cst.SimpleStatementSuite):
        inner = [cst.SimpleStatementLine([statement]) for statement in block.body.body]
    inner[0] = inner[0].with_changes(leading_lines=[*block.leading_lines, *inner[0].leading_lines])  # type: ignore[attr-defined]
    assert isinstance(around, cst.Module | cst.IndentedBlock)
    body: list[cst.CSTNode] = list(around.body)
    at = body.index(block)
    return with_body(syntax, around, [*body[:at], *inner, *body[at + 1 :]])
