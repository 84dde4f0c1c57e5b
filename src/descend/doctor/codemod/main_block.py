"""Recognise the block `if __name__ == "__main__":`, which an import of the file does not run."""

import libcst as cst
from libcst import matchers as m

from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.syntax import Syntax

NAME, MAIN = m.Name("__name__"), m.SimpleString(m.MatchIfTrue(lambda text: text.strip("\"'") == "__main__"))
IS_MAIN = m.Comparison(NAME, [m.ComparisonTarget(m.Equal(), MAIN)])
IS_NAME = m.Comparison(MAIN, [m.ComparisonTarget(m.Equal(), NAME)])


def is_in_main_block(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Return whether the node is in the block ``if __name__ == "__main__":``."""
    blocks = [outer for outer in syntax.ancestors(node) if isinstance(outer, cst.If)]
    return any(m.matches(block.test, IS_MAIN | IS_NAME) for block in blocks)


def trains_when_imported(syntax: Syntax, at: cst.CSTNode, caller: cst.CSTNode) -> bool:
    """Return whether a function that other files can import has the training loop, but only the main block calls it."""
    return bool(loops_around(syntax, at)) and is_in_main_block(syntax, caller)
