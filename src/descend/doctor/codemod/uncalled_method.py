"""Find a method that is referred to but not called, `optimizer.step` without parentheses, and call it."""

import libcst as cst

from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.syntax import Syntax, parse


def find_uncalled_method(syntax: Syntax, region: cst.CSTNode, code: str) -> cst.Attribute | None:
    """Return the statement in `region` that consists only of `code`, such as ``optimizer.step``, or None."""
    values = [e.value for e in syntax.every(cst.Expr, region)]
    return next((v for v in values if isinstance(v, cst.Attribute) and syntax.code(v) == code), None)


def add_missing_call(syntax: Syntax, attribute: cst.Attribute, *after: str) -> str:
    """Return the edited source with ``optimizer.step()`` for ``optimizer.step``, and further statements after it."""
    text = insert_after(syntax, attribute, *after) if after else syntax.module.code
    now = parse(syntax.file, text)
    place = syntax.every(cst.Attribute).index(attribute)  # The index stays valid, because new statements come after it.
    again = now.every(cst.Attribute)[place]
    return now.replace(again, cst.Call(again))
