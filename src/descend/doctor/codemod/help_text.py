"""Update the help text of a command-line option if it states the default that an edit changes.

parser.add_argument("--lr", default=0.5, help="learning rate (default: 0.5)")
"""

import re

import libcst as cst

from descend.doctor.codemod.syntax import Syntax


def update_help_text(syntax: Syntax, value: cst.CSTNode, new: str) -> tuple[cst.CSTNode, cst.CSTNode] | None:
    """Return the old and the new help text of an option whose default changes; None if the text does not show it."""
    argument = syntax.parents.get(value)
    call = syntax.parents.get(argument) if isinstance(argument, cst.Arg) else None
    if not isinstance(call, cst.Call):
        return None
    texts = [a.value for a in call.args if a.keyword is not None and a.keyword.value == "help"]
    old = syntax.code(value)
    if not texts or not isinstance(texts[0], cst.SimpleString) or not old:
        return None
    alone = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w|\.\d)")
    updated = alone.sub(lambda _: new, texts[0].value)
    return None if updated == texts[0].value else (texts[0], texts[0].with_changes(value=updated))
