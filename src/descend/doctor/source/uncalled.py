"""A method that stands in the source without its parentheses: `optimizer.step`, `loss.backward`."""

import libcst as cst

from descend.doctor.source.insert import insert_after
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, parse


def uncalled(syntax: Syntax, region: cst.CSTNode, code: str) -> cst.Attribute | None:
    """Return the statement within `region` that is nothing but that attribute."""
    values = [e.value for e in syntax.every(cst.Expr, region)]
    return next((v for v in values if isinstance(v, cst.Attribute) and syntax.code(v) == code), None)


def called(syntax: Syntax, attribute: cst.Attribute, *after: str) -> str | NotApplicable:
    """Return the text with the attribute called, and the statements `after` behind it."""
    text = insert_after(syntax, attribute, *after) if after else syntax.module.code
    now = text if isinstance(text, NotApplicable) else parse(syntax.file, text)
    if isinstance(now, NotApplicable):
        return now
    place = syntax.every(cst.Attribute).index(attribute)  # what is inserted comes after it
    again = now.every(cst.Attribute)[place]
    return now.replace(again, cst.Call(again))
