"""What was measured, one JSON line for each condition of a claim, found again by a hash of what it depends on."""

import ast
import hashlib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from inspect import getsource
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import msgspec
import torch

from descend.claims import experiments, gallery, tasks, training, tuning
from descend.claims.claim import Claim, Measured, Settings
from descend.core.errors import UsageError
from descend.core.json_lines import add_json_line, read_json_lines

# The modules that a measurement may depend on, besides the claim's own.
PARTS = tuple(
    f"{package.__name__}.{m.name}" for package in (experiments, tasks) for m in iter_modules(package.__path__)
)
# arguments of a claim on which no result depends
WORDING = ("sentence", "source", "refuted_by", "figure", "expected", "holds_for", "caution")
SHIPPED = Path(__file__).with_name("measured.jsonl")


@dataclass(frozen=True)
class Row:
    """The measurement of a claim in one condition."""

    key: str  # hash of what the results depend on
    claim: str
    condition: str
    settings: Settings  # what was tuned, by name
    measured: tuple[Measured, ...]  # the results of the seeds 0, 1, 2, …
    without_figure: int  # number of seeds that showed no figure
    seconds: float
    machine: str


def row_key(name: str, condition: str) -> str:
    """Return a hash of the code of a claim and of the modules it uses, of its condition and the version of torch."""
    claim = import_module(f"{gallery.__name__}.{name.replace('-', '_')}")
    source = getsource(claim)
    used = [part for part in PARTS if part.startswith(tasks.__name__) or f"from {part} import" in source]
    modules = [claim, *map(import_module, used), training, tuning]
    version = torch.__version__.partition("+")[0]  # without the build, such as +cpu
    parts = [*map(_code, modules), condition, version]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@cache
def _code(module: ModuleType) -> str:
    """Return the code of a module without comments, docstrings and what a claim says of its experiment."""
    tree = ast.parse(getsource(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Claim.__name__:
            node.keywords = [each for each in node.keywords if each.arg not in WORDING]
    return str(_fields(tree))


def _fields(node: object) -> object:
    """Return a node of a syntax tree with its fields as tuples, the same in all versions of Python.

    Versions differ in which empty fields a node has, and in whether `ast.dump` shows them.
    """
    if isinstance(node, ast.AST):
        given = ((name, value) for name, value in ast.iter_fields(node) if value is not None and value != [])
        return type(node).__name__, tuple((name, _fields(value)) for name, value in given)
    return tuple(map(_fields, node)) if isinstance(node, list) else node


def read_rows(path: Path) -> dict[str, Row]:
    """Return the stored rows by key. Raise `UsageError` if the file is damaged."""
    try:
        rows = [msgspec.convert(value, Row) for value in read_json_lines(path)]
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path} cannot be read as measured claims ({error}); delete it or choose another --store"
        ) from None
    return {row.key: row for row in rows}


def add_row(path: Path, row: Row) -> None:
    """Add a row to the file."""
    add_json_line(path, asdict(row))
