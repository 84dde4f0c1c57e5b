"""A training loop that `break` always ends in its first iteration."""

import pytest

from descend.doctor.codemod.left_loops import left_loops
from descend.doctor.record import Record, Site, facts
from descend.doctor.script.script import Script

LOOP = "for e in n:\n    for x in r:\n        f(x).backward()\n        {}\n    {}\n"


@pytest.mark.parametrize(
    ("inner", "outer", "line"),
    [
        ("break", "pass", 4),
        ("opt.step(); break", "pass", 4),
        ("if a: break", "pass", None),
        ("pass", "break", None),
        ("if a: continue\n        break", "pass", None),
        ("for i in n:\n            break", "pass", None),
    ],
)
def test_only_a_break_of_the_innermost_loop_without_a_condition_counts(tmp_path, inner, outer, line) -> None:
    path = tmp_path / "train.py"
    path.write_text(LOOP.format(inner, outer))
    record = Record(sites=[Site("backward", "", str(path), 3, 8, 3, 23)])
    record.extend(left_loops(Script(path, tmp_path), record))
    site = record.site("left_loop", "0")
    assert (None if site is None else site.line) == line
    assert record.fact(facts.LeftLoop, "0") == (
        None if line is None else facts.LeftLoop(line=line, edit="leave", loop=2)
    )
