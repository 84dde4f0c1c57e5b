"""Count lines of code without blank lines, comments and docstrings: `python docs/dev/code_lines.py [FOLDER]`."""

import ast
import io
import sys
import tokenize
from collections import Counter
from pathlib import Path

LAYOUT = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER)


def code_lines(source: str) -> int:
    """Return the number of lines of a module that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            lines.difference_update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def main() -> None:
    """Print the count of each package and of all."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "src/descend")
    counts: Counter[str] = Counter()
    for path in sorted(root.rglob("*.py")):
        counts["/".join(path.relative_to(root).parts[:-1][:2]) or "."] += code_lines(path.read_text())
    for package, count in sorted(counts.items()):
        print(f"{count:6d}  {package}")
    print(f"{counts.total():6d}  all")


if __name__ == "__main__":
    main()
