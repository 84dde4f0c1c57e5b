import ast
from pathlib import Path

import libcst as cst
import pytest

from descend.doctor.codemod.insert import insert_after, insert_before
from descend.doctor.codemod.syntax import parse
from descend.doctor.remedies import NotApplicable


def mark(text: str):
    """Return the parsed text, and the call of `here` in it."""
    syntax = parse(Path("train.py"), text)
    call = next(c for c in syntax.every(cst.Call) if syntax.code(c.func) == "here")
    return syntax, call


CASES = {  # the text, with the statement before it, with the statement after it
    "a line": ("a\nhere()\nb\n", "a\nnew()\nhere()\nb\n", "a\nhere()\nnew()\nb\n"),
    "tabs": ("if a:\n\there()\n", "if a:\n\tnew()\n\there()\n", "if a:\n\there()\n\tnew()\n"),
    "an odd indentation": (
        "if a:\n   here()\n",
        "if a:\n   new()\n   here()\n",
        "if a:\n   here()\n   new()\n",
    ),
    "in a line": ("a; here(); b\n", "a; new(); here(); b\n", "a; here(); new(); b\n"),
    "after a colon": ("if a: here()\n", "if a: new(); here()\n", "if a: here(); new()\n"),
    "deep in a statement": ("x = [f(here())]\n", "new()\nx = [f(here())]\n", "x = [f(here())]\nnew()\n"),
    "over lines": (
        "x = f(\n    here(),\n)\n",
        "new()\nx = f(\n    here(),\n)\n",
        "x = f(\n    here(),\n)\nnew()\n",
    ),
    "blank lines above": ("a\n\n\nhere()\n", "a\n\n\nnew()\nhere()\n", "a\n\n\nhere()\nnew()\n"),
    "a comment above": (
        "a\n\n# b\n\n# c\nhere()\n",
        "a\n\n# b\n\nnew()\n# c\nhere()\n",
        "a\n\n# b\n\n# c\nhere()\nnew()\n",
    ),
    "a comment below": (
        "if a:\n    here()\n    # b\nc\n",
        "if a:\n    new()\n    here()\n    # b\nc\n",
        "if a:\n    here()\n    new()\n    # b\nc\n",
    ),
    "a header": ("#!x\n# é\nhere()\n", "#!x\n# é\nnew()\nhere()\n", "#!x\n# é\nhere()\nnew()\n"),
    "windows": ("a\r\nhere()\r\n", "a\r\nnew()\r\nhere()\r\n", "a\r\nhere()\r\nnew()\r\n"),
    "no line end": ("a\nhere()", "a\nnew()\nhere()", "a\nhere()\nnew()"),
    "a form feed": ("a\n\x0c\nhere()\n", "a\n\x0c\nnew()\nhere()\n", "a\n\x0c\nhere()\nnew()\n"),
    "an else": (
        "if a: b\nelse:\n  here()\n",
        "if a: b\nelse:\n  new()\n  here()\n",
        "if a: b\nelse:\n  here()\n  new()\n",
    ),
    "a continued line": (
        "x = 1 + \\\n  here()\n",
        "new()\nx = 1 + \\\n  here()\n",
        "x = 1 + \\\n  here()\nnew()\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_only_one_statement_is_added(case: str) -> None:
    text, before, after = CASES[case]
    assert insert_before(*mark(text), "new()") == before
    assert insert_after(*mark(text), "new()") == after
    for edited in (before, after):
        ast.parse(edited)


@pytest.mark.parametrize(
    "text",
    ["for x in here():\n    y\n", "while here(): y\n", "with here() as x:\n    y\n", "if here():\n    y\n"],
)
def test_statements_are_inserted_before_a_block_header_but_not_after(text: str) -> None:
    assert insert_before(*mark(text), "new()") == "new()\n" + text
    with pytest.raises(NotApplicable):
        insert_after(*mark(text), "new()")


def test_a_file_that_libcst_cannot_reproduce_is_refused() -> None:
    with pytest.raises(NotApplicable, match="without changing other lines"):
        parse(Path("train.py"), "a\rhere()\r")  # libcst drops the end of the last line


def test_a_statement_before_an_elif_is_inserted_above_the_if() -> None:
    text = "if a:\n    b\nelif here():\n    c\n"
    assert insert_before(*mark(text), "new()") == "new()\n" + text


@pytest.mark.parametrize("text", ["f = lambda: here()\n", "def g():\n    return lambda x: [here()]\n"])
def test_nothing_is_inserted_into_a_lambda(text: str) -> None:
    for insert in (insert_before, insert_after):
        with pytest.raises(NotApplicable, match=f"line {text.count(chr(10))} is in a lambda|leaves the function"):
            insert(*mark(text), "new()")
