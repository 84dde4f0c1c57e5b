"""A training script as text and syntax, and edits of it that leave every other character as it was."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LOSS_CLASSES = {
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "HuberLoss": "huber_loss",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "TripletMarginLoss": "triplet_margin_loss",
    "KLDivLoss": "kl_div",
}
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax", "LBFGS")


@dataclass(frozen=True)
class Edit:
    """Bytes `start` to `end` of a file give way to a text. lines: what counts as the place of the fault."""

    start: int
    end: int
    text: str
    lines: frozenset[int]


class Script:
    """A host: what stands in it, found by name."""

    def __init__(self, path: Path) -> None:
        self.name, self.data = path.stem, path.read_bytes()
        self.tree = ast.parse(self.data)
        self._lines = [0]
        for line in self.data.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.made: dict[str, str] = {}  # names of losses, by the function that they are a class of
        self.optimizers: set[str] = set()
        self.models: set[str] = set()  # names whose parameters an optimizer is given
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                self._note(node.value, node.targets[0] if isinstance(node, ast.Assign) else node.target)

    def _note(self, call: ast.Call, target: ast.expr) -> None:
        kind, name = last_name(call.func), ast.unparse(target)
        if kind in LOSS_CLASSES:
            self.made[name] = LOSS_CLASSES[kind]
        if kind in OPTIMIZERS:
            self.optimizers.add(name)
            found = [node for node in ast.walk(call) if isinstance(node, ast.Attribute) and node.attr == "parameters"]
            self.models |= {ast.unparse(node.value) for node in found}

    def calls(self, *names: str) -> Iterator[ast.Call]:
        """Yield calls of functions, methods and losses of these names, in the order of the file."""
        found = [node for node in ast.walk(self.tree) if isinstance(node, ast.Call)]
        for call in sorted(found, key=self.start):
            if last_name(call.func) in names or self.made.get(ast.unparse(call.func)) in names:
                yield call

    def model_calls(self) -> Iterator[ast.Call]:
        """Yield calls of what an optimizer trains."""
        for call in (node for node in ast.walk(self.tree) if isinstance(node, ast.Call)):
            if ast.unparse(call.func) in self.models and call.args:
                yield call

    def objectives(self) -> Iterator[ast.expr]:
        """Yield what is assigned to the name that `backward` is called of, in the same function."""
        for call in self.calls("backward"):
            if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
                for node in ast.walk(self.function(call)):
                    if isinstance(node, ast.Assign) and call.func.value.id in map(ast.unparse, node.targets):
                        yield node.value

    def function(self, node: ast.AST) -> ast.AST:
        """Return the function that a node stands in, or the file."""
        while node in self.parents and not isinstance(node, ast.FunctionDef | ast.Lambda):
            node = self.parents[node]
        return node

    def statement(self, node: ast.AST) -> ast.stmt:
        """Return the statement that a node stands in."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def code(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return self.data[self.start(node) : self.end(node)].decode()

    def start(self, node: ast.AST) -> int:
        """Return where a node begins."""
        return self._lines[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Return where a node ends."""
        return self._lines[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def replaced(self, node: ast.expr | ast.stmt, text: str) -> Edit:
        """Return the edit that writes a text in the place of a node."""
        return Edit(self.start(node), self.end(node), text, lines_of(self.statement(node)))

    def without(self, statement: ast.stmt) -> Edit:
        """Return the edit that leaves a statement out; its place is where what it defines or uses is touched, too."""
        names = names_in(statement)
        lines = set(lines_of(statement))
        for node in ast.walk(self.function(statement)):
            if isinstance(node, ast.Name) and node.id in names:
                lines |= lines_of(self.statement(node))
        return Edit(self.start(statement), self.end(statement), "pass", frozenset(lines))

    def beside(self, statement: ast.stmt, code: str, *, after: bool) -> Edit:
        """Return the edit that puts a statement on a line of its own before or after another one."""
        margin = " " * statement.col_offset
        at = self.end(statement) if after else self.start(statement)
        text = f"\n{margin}{code}" if after else f"{code}\n{margin}"
        return Edit(at, at, text, lines_of(statement))

    def is_visible(self, name: str, node: ast.AST) -> bool:
        """Return whether a variable, or the first part of `name.attribute`, is defined in a scope around a node."""
        first = name.partition(".")[0]
        while node is not self.tree:
            node = self.parents[node]
            if isinstance(node, ast.FunctionDef | ast.Module) and first in _names_defined_in(node):
                return True
        return False

    def mutated(self, *edits: Edit) -> str:
        """Return the text with edits that do not overlap."""
        data = self.data
        for edit in sorted(edits, key=lambda edit: -edit.start):
            data = data[: edit.start] + edit.text.encode() + data[edit.end :]
        return data.decode()


def _names_defined_in(scope: ast.FunctionDef | ast.Module) -> Iterator[str]:
    """Yield the names that a scope defines, such as those of arguments, variables and imports, without inner scopes."""
    if isinstance(scope, ast.FunctionDef):
        yield from (argument.arg for argument in ast.walk(scope.args) if isinstance(argument, ast.arg))
    left: list[ast.AST] = list(scope.body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            left += ast.iter_child_nodes(node)


def names_in(node: ast.AST) -> set[str]:
    """Return the names of variables in a node."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def last_name(function: ast.expr) -> str:
    """Return the last part of what is called: `relu` of `torch.nn.functional.relu`."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def lines_of(statement: ast.stmt) -> frozenset[int]:
    """Return the lines of a simple statement, or of the head of one that holds others."""
    last = statement.body[0].lineno - 1 if hasattr(statement, "body") else statement.end_lineno
    return frozenset(range(statement.lineno, max(statement.lineno, last or 0) + 1))
