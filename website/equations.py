"""The equations of an optimizer, from the code of its update rule: `m = beta1 * m + …` becomes `m ← β₁·m + …`."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from textwrap import dedent
from types import ModuleType

GREEK = {"theta": "θ", "beta": "β", "beta1": "β₁", "beta2": "β₂", "eps": "ε", "gamma": "γ", "rho": "ρ", "alpha": "α"}
GREEK |= {"momentum": "μ", "m_hat": "m̂", "v_hat": "v̂", "n_hat": "n̂", "eta_plus": "η₊", "eta_minus": "η₋"}
POWERS = {"2": "²", "t": "ᵗ", "(t - 1)": "ᵗ⁻¹"}


def equations(kind: type) -> list[tuple[str, list[str]]]:
    """Return the name and the equations of each update rule of an optimizer: of its module, or of its parent's.

    A rule of matrices has no equations.
    """
    for each in kind.__mro__[:-1]:
        if rules := _update_rules(inspect.getmodule(each)):
            return [(rule.__name__, list(_rule_lines(rule))) for rule in rules]
    return []


def _update_rules(module: ModuleType | None) -> list[Callable[..., object]]:
    """Return the functions of θ, g and t in a module, in their order."""
    functions = [function for function in vars(module).values() if inspect.isfunction(function)]
    return [f for f in functions if [*inspect.signature(f).parameters][:3] == ["theta", "g", "t"]]


def _rule_lines(rule: Callable[..., object]) -> Iterator[str]:
    """Yield the equations of one update rule; nothing if it has a loop or calls other functions of matrices."""
    function = ast.parse(dedent(inspect.getsource(rule))).body[0]
    assert isinstance(function, ast.FunctionDef)
    body = [node for node in function.body if not isinstance(node, ast.Expr)]
    if not all(isinstance(node, ast.Assign | ast.Return) for node in body) or "shape" in "".join(
        map(ast.unparse, body)
    ):
        return
    states = [argument.arg for argument in function.args.args[3:]]
    for node in body:
        if isinstance(node, ast.Assign):
            name = _name(ast.unparse(node.targets[0]))
            known = {*map(_name, states), "g", "lr"}
            yield f"{name} {'←' if name in known else '='} {_expression(node.value)}"
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            yield f"θ ← θ {_added(_expression(node.value.elts[0]))}"
            for state, value in zip(states, node.value.elts[1:]):
                if ast.unparse(value) != state:
                    yield f"{_name(state)} ← {_expression(value)}"


def _added(step: str) -> str:
    """Return a step as the second term of a sum."""
    sign, size = ("−", step[1:]) if step.startswith("−") else ("+", step)
    outside = re.sub(r"\([^()]*(\([^()]*\)[^()]*)*\)", "", size)  # without what is in brackets
    return f"{sign} ({size})" if re.search(" [+−i] ", outside) or " if " in outside else f"{sign} {size}"


def _name(text: str) -> str:
    """Return a variable's symbol."""
    return GREEK.get(text, text)


class _Symbols(ast.NodeTransformer):
    """Replaces names by symbols, and powers and conditions by their notation in papers."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name(_name(node.id))

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) == "where":
            condition, chosen, other = node.args
            return ast.IfExp(condition, chosen, other)
        short = {"maximum": "max", "minimum": "min"}
        return ast.Call(ast.Name(short.get(ast.unparse(node.func), ast.unparse(node.func))), node.args, [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        power = ast.unparse(node.right) if isinstance(node.op, ast.Pow) else ""
        self.generic_visit(node)
        base = ast.unparse(node.left)
        simple = base if isinstance(node.left, ast.Name) else f"({base})"
        if power == "0.5":
            return ast.Name(f"√{simple}")
        return ast.Name(f"{simple}{POWERS[power]}") if power in POWERS else node


def _expression(node: ast.expr) -> str:
    """Return an expression in the notation of papers."""
    text = ast.unparse(_Symbols().visit(ast.parse(ast.unparse(node), mode="eval").body))
    text = re.sub(r" \* ", "·", text).replace(" / ", "/").replace(" - ", " − ").replace(" ** ", "^")
    return re.sub(r"(^|[(\[, ·/])-(?=[\w√(])", r"\1−", text)
