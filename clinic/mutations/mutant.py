"""What a mutation is: an operator of a family, at one site of a host; and the shapes that most operators have."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mutations.script import OPTIMIZERS, Edit, Script

Sites = Callable[[Script], Iterator[Edit]]
CLASSES = ("cross_entropy", "nll_loss")  # losses, by what they are told to be right
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
REAL = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


@dataclass(frozen=True)
class Operator:
    """One kind of mistake. source: the taxonomy, study or question that it is from. magnitude: how far it goes."""

    name: str
    sites: Sites
    source: str
    magnitude: str = ""


@dataclass(frozen=True)
class Mutant:
    """A host with one mistake. lines: in which the fault lies."""

    family: str
    operator: Operator
    host: Script
    number: int
    edit: Edit

    @property
    def id(self) -> str:
        """What tells it from all others."""
        return f"{self.host.name}/{self.operator.name}/{self.number}"

    @property
    def text(self) -> str:
        """The mutated file."""
        return self.host.mutated(self.edit)


def wrapped(names: tuple[str, ...], template: str, position: int = 0) -> Sites:
    """Write `template`, filled in with an argument of a call, in the place of that argument."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            if len(call.args) > position and not isinstance(call.args[position], ast.Starred):
                argument = call.args[position]
                yield script.replaced(argument, template.format(_closed(script, argument)))

    return sites


def exchanged(names: tuple[str, ...], first: int = 0, second: int = 1) -> Sites:
    """Exchange two arguments of a call."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            if len(call.args) > second:
                a, b = call.args[first], call.args[second]
                between = script.data[script.end(a) : script.start(b)].decode()
                text = f"{script.code(b)}{between}{script.code(a)}"
                place = script.replaced(call, "").lines
                yield Edit(script.start(a), script.end(b), text, place)

    return sites


def number(keyword: str, change: Callable[[float], float], names: tuple[str, ...] = OPTIMIZERS) -> Sites:
    """Change a number that a call is given by name."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            for given in call.keywords:
                if given.arg == keyword and (value := _number(given.value)) is not None:
                    yield script.replaced(given.value, f"{change(value):g}")

    return sites


def argument(keyword: str, value: str, names: tuple[str, ...] = OPTIMIZERS) -> Sites:
    """Give a call an argument by name, or another value for it."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            given = next((each for each in call.keywords if each.arg == keyword), None)
            if given is not None:
                if script.code(given.value) != value:
                    yield script.replaced(given.value, value)
            elif not any(each.arg is None for each in call.keywords):
                at, comma = script.end(call) - 1, ", " if call.args or call.keywords else ""
                yield Edit(at, at, f"{comma}{keyword}={value}", script.replaced(call, "").lines)

    return sites


def renamed(names: tuple[str, ...], other: str) -> Sites:
    """Call another function or method, or make another class; the arguments stay."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            if isinstance(call.func, ast.Attribute):
                begin = script.end(call.func) - len(call.func.attr.encode())
                yield Edit(begin, script.end(call.func), other, script.replaced(call, "").lines)

    return sites


def rewritten(names: tuple[str, ...], template: str) -> Sites:
    """Write `template` in the place of a call: `{0}`, `{1}` its arguments, `{call}` itself, `{of}` what it is of."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            arguments = [_closed(script, each) for each in call.args]
            of = _closed(script, call.func.value) if isinstance(call.func, ast.Attribute) else ""
            try:
                yield script.replaced(call, template.format(*arguments, call=script.code(call), of=of))
            except IndexError:  # it has fewer arguments
                continue

    return sites


def dropped(names: tuple[str, ...]) -> Sites:
    """Leave a statement out that is a call and nothing else."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            if isinstance(script.parents[call], ast.Expr):
                yield script.without(script.statement(call))

    return sites


def beside(names: tuple[str, ...], code: str, *, after: bool = True) -> Sites:
    """Put a statement beside one that is a call: `{of}` what it is called of, `{model}` what is trained."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*names):
            if isinstance(script.parents[call], ast.Expr) and isinstance(call.func, ast.Attribute):
                model = _only(script.models) if "{model}" in code else ""
                optimizer = _only(script.optimizers) if "{optimizer}" in code else ""
                are_visible = all(script.is_visible(name, call) for name in (model, optimizer) if name)
                if model is not None and optimizer is not None and are_visible:
                    filled = code.format(of=script.code(call.func.value), model=model, optimizer=optimizer)
                    yield script.beside(script.statement(call), filled, after=after)

    return sites


def objective(change: Callable[[Script, ast.expr], Iterator[Edit]]) -> Sites:
    """Edit what is assigned to the loss."""

    def sites(script: Script) -> Iterator[Edit]:
        for value in script.objectives():
            yield from change(script, value)

    return sites


def input_of_model(template: str) -> Sites:
    """Write `template`, filled in with what the trained network is given, in its place."""

    def sites(script: Script) -> Iterator[Edit]:
        for call in script.model_calls():
            yield script.replaced(call.args[0], template.format(_closed(script, call.args[0])))

    return sites


def after_model(code: str) -> Sites:
    """Put a statement after the one that makes what an optimizer trains: `{model}` its name."""

    def sites(script: Script) -> Iterator[Edit]:
        for node in ast.walk(script.tree):
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                if (name := ast.unparse(node.targets[0])) in script.models:
                    yield script.beside(node, code.format(model=name), after=True)

    return sites


def in_forward(change: Callable[[Script, ast.AST], Edit | None]) -> Sites:
    """Edit what stands in a `forward` method."""

    def sites(script: Script) -> Iterator[Edit]:
        for method in ast.walk(script.tree):
            if isinstance(method, ast.FunctionDef) and method.name == "forward":
                for node in ast.walk(method):
                    if (edit := change(script, node)) is not None:
                        yield edit

    return sites


def _closed(script: Script, node: ast.expr) -> str:
    text = script.code(node)
    simple = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript | ast.Constant)
    return text if simple else f"({text})"


def _number(node: ast.expr) -> float | None:
    try:
        value: Any = ast.literal_eval(node)
    except ValueError:
        return None
    return float(value) if isinstance(value, int | float) else None


def _only(names: set[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None
