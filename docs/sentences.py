"""Write `tests/sentences_snapshot.md`: every sentence that the program can print.

A sentence is a string in the source with several words: a constant, or an f-string with its fields in braces.
Docstrings count where they are printed: those of the commands and of the problems.
"""

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "descend"
PAGE = ROOT / "tests" / "sentences_snapshot.md"
HEAD = """# Every sentence

All sentences that the program can print, by source file. `make tables` writes this snapshot.
Text in braces is filled in. If you change a sentence, read it here as a user who does not know the project.
"""
WORDS = re.compile(r"[^\W\d_]{2,}[,:;]? (.* )?\S*[^\W\d_]{2,}", re.DOTALL)  # at least two
NO_SENTENCE = re.compile(  # SQL, markup, patterns and code
    r"^\s*(SELECT|INSERT|CREATE|DELETE|UPDATE|PRAGMA|ALTER|BEGIN)\b|^\s*[<@.#]|^\(\?|\\[sbdwn(]|"
    r"^import |^from [\w.]+ import "
)
COMPILED = ("optim/engines/emit.py", "optim/engines/emit_cuda.py")  # text of other languages
PRINTED: dict[str, tuple[type[ast.AST], ...]] = {  # docstrings that are shown: what a problem is, a command's help
    "doctor/symptoms/": (ast.Module,),
    "cli.py": (ast.FunctionDef,),
    "doctor/commands/watch/command.py": (ast.FunctionDef,),
    "lab/commands/": (ast.FunctionDef,),
}


def sentences(tree: ast.Module, printed: tuple[type[ast.AST], ...] = ()) -> Iterator[str]:
    """Return the texts of a file that have words in them, in their order; docstrings of `printed` nodes alone."""
    silent = {*_docstrings(tree, printed), *_lists_of_words(tree)}
    for node in _in_order(tree):
        text = _text(node)
        if text and id(node) not in silent and WORDS.search(text) and not NO_SENTENCE.search(text):
            yield " ".join(text.split())


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    """Return the nodes as they are in the file; of an f-string only the whole."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.JoinedStr):
            yield child
            fields = [part.value for part in ast.walk(child) if isinstance(part, ast.FormattedValue)]
            for field in fields:
                yield from (n for n in _in_order(field) if isinstance(n, ast.Constant) and n is not field)
        else:
            yield from _in_order(child)


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else "{" + ast.unparse(part.value) + "}"
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    return None


def _docstrings(tree: ast.Module, printed: tuple[type[ast.AST], ...]) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and not isinstance(node, printed):
                yield id(first.value)


def _lists_of_words(tree: ast.Module) -> Iterator[int]:
    """Names in a row, which the source splits; annotations in quotes; what a bound is, and why."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "split":
            yield id(node.value)
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
            yield from map(id, ast.walk(node.annotation))
        if isinstance(node, ast.FunctionDef) and node.returns:
            yield from map(id, ast.walk(node.returns))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "cast":
            yield id(node.args[0])
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Bound", "Count"):
            yield from map(id, node.args)


class _Words(HTMLParser):
    """What is to be read on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style")
        self.found += [value for name, value in attrs if name in ("aria-label", "title", "alt") and value]

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.found.append(data)


def _of_a_page(text: str) -> list[str]:
    """Return the words of a template between its tags."""
    parser = _Words()
    parser.feed(re.sub(r"{%.*?%}|{#.*?#}", " ", text, flags=re.DOTALL))
    return [" ".join(found.split()) for found in parser.found if WORDS.search(found)]


def page() -> str:
    """Return the page with all of them."""
    parts = [HEAD]
    for file in sorted(SOURCE.rglob("*")):
        if file.suffix == ".py":
            place_of_file = str(file.relative_to(SOURCE))
            printed = next((nodes for place, nodes in PRINTED.items() if place_of_file.startswith(place)), ())
            found = [] if place_of_file.startswith(COMPILED) else list(sentences(ast.parse(file.read_text()), printed))
        elif file.suffix == ".html":
            found = _of_a_page(file.read_text())
        else:
            continue
        if found:
            lines = "".join(f"- {line}\n" for line in dict.fromkeys(found))
            parts.append(f"\n## {file.relative_to(SOURCE)}\n\n{lines}")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
