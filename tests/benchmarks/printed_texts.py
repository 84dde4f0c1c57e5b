"""Which texts the benchmark programs can print: their string constants, and f-strings with what fills them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = (
    "benchmarks",
    "src/descend/landscape",
    "src/descend/parallel",
    "src/descend/dynamics",
    "src/descend/optim",
    "src/descend/discover",
)
DEPTH = 3  # f-strings within f-strings
NUMBER = re.compile(r"[-+−±]?\d[\d ]*(?:[.,]\d+)?(?:e[-+]?\d+|×10[⁻⁰¹²³⁴-⁹]+)?")
FORMULA = re.compile(r"(?:abs|sign|eps|[gmvte]|[\d\s.+*/()-])+")  # of an update rule
LEFT = re.compile(r"[\s.,:;/%()\[\]^²×~≥≤+–-]*(?:(?:ms|s|µs|MB|kB|inf|nan|to|of|at)\b[\s.,:;/%()\[\]^²×~≥≤+–-]*)*")


@cache
def known_texts() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """Return the constants of the programs and the patterns of their f-strings, cell by cell where they are rows."""
    constants, patterns = set[str](), set[str]()
    for folder in SOURCES:
        for file in (ROOT / folder).rglob("*.py"):
            for node in _walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    constants.update(_cells(node.value))
                elif isinstance(node, ast.JoinedStr):
                    patterns.update(_cells(_marked(node)))
                elif isinstance(node, ast.ClassDef):
                    constants.add(node.name)
    telling = {text for text in patterns if text.replace("\0", "").strip()}  # blanks alone would allow for anything
    escaped = [re.escape(re.sub("\0+", "\0", text)).replace("\1", ".+") for text in sorted(telling)]
    # The first or the last occurrence of what separates two values may be the one that the program printed.
    compiled = tuple(re.compile(text.replace("\0", group)) for text in escaped for group in ("(.+?)", "(.+)"))
    return frozenset(constants | {"True", "False"}), compiled


@cache
def can_be_printed(text: str, depth: int = DEPTH) -> bool:
    """Return whether a cell is numbers with units, a constant, or an f-string filled with such texts."""
    text = text.strip().strip("*`")
    constants, patterns = known_texts()
    if text in constants or LEFT.fullmatch(NUMBER.sub("", text)) or FORMULA.fullmatch(text):
        return True
    matches = (found for pattern in patterns if (found := pattern.fullmatch(text))) if depth else ()
    return any(all(can_be_printed(group, depth - 1) for group in found.groups()) for found in matches)


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may be printed: messages of exceptions are not."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.Raise):
            yield from _walk(child)


def _cells(text: str) -> Iterator[str]:
    yield text.strip()
    for line in text.splitlines():
        if "|" in line:
            yield from (cell.strip().strip("*`") for cell in line.split("|"))


def _marked(node: ast.JoinedStr) -> str:
    """Return an f-string with \\0 for each value that is filled in, and \\1 for what an exception says."""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else _mark(part) for part in node.values)


def _mark(part: ast.expr) -> str:
    is_error = any(isinstance(node, ast.Name) and node.id == "error" for node in ast.walk(part))
    return "\1" if is_error else "\0"
