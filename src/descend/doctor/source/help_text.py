"""The help text of an option whose default changes: where it says the old value it says the new one.

parser.add_argument("--lr", default=0.5, help="learning rate (default: 0.5)")
"""

import re

import libcst as cst

from descend.doctor.source.syntax import Syntax


def help_text(syntax: Syntax, value: cst.CSTNode, new: str) -> tuple[cst.CSTNode, cst.CSTNode] | None:
    """Return the text that tells of an argument's value, and the text with the new one; None where none does."""
    argument = syntax.parents.get(value)
    call = syntax.parents.get(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call):
        return None
    texts = [a.value for a in call.args if a.keyword is not None and a.keyword.value == "help"]
    old = syntax.code(value)
    if not texts or not isinstance(texts[0], cst.SimpleString) or not old:
        return None
    alone = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w|\.\d)")
    told = alone.sub(lambda _: new, texts[0].value)
    return None if told == texts[0].value else (texts[0], texts[0].with_changes(value=told))
