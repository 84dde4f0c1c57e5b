"""The block that an import of the file leaves out: `if __name__ == "__main__":`."""

import libcst as cst
from libcst import matchers as m

from descend.doctor.source.bindings import loops_around
from descend.doctor.source.syntax import Syntax

NAME, MAIN = m.Name("__name__"), m.SimpleString(m.MatchIfTrue(lambda text: text.strip("\"'") == "__main__"))
IS_MAIN = m.Comparison(NAME, [m.ComparisonTarget(m.Equal(), MAIN)])
IS_NAME = m.Comparison(MAIN, [m.ComparisonTarget(m.Equal(), NAME)])


def is_in_main_block(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Whether an import of the file does not run the node's statement."""
    blocks = [outer for outer in syntax.ancestors(node) if isinstance(outer, cst.If)]
    return any(m.matches(block.test, IS_MAIN | IS_NAME) for block in blocks)


def trains_when_imported(syntax: Syntax, at: cst.CSTNode, caller: cst.CSTNode) -> bool:
    """Whether the function that holds `at` trains for whoever imports it, and its caller is in the main block."""
    return bool(loops_around(syntax, at)) and is_in_main_block(syntax, caller)
