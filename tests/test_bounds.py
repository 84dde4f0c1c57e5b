"""Every bound says what it is a number of and why it is that one; the page lists all of them as they are now."""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from descend.core.bound import Bound, Count

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
written = __import__("bounds")
ranges = __import__("ranges")

STATED = ranges.stated()
PLAIN = {
    "assess/logged_metric.py LEAST_PROGRESS": "what STUCK leaves",
    "assess/constant_prediction.py KNOWN": "what STUCK leaves",
    "assess/stages.py MOST": "how many stages are looked at",
    "assess/effective_rate.py ROUNDED": "round-off",
    "symptoms/outliers.py NORMAL": "a law's own",
    "symptoms/phrases.py ADAM_COST": "how much an edit changes",
    "symptoms/phrases.py LOSS_FUNCTIONS_TRIED": "how many edits are tried",
    "symptoms/phrases.py STATEMENTS_TRIED": "how many edits are tried",
    "symptoms/phrases.py INPUT_CALLS_TRIED": "how many edits are tried",
    "symptoms/phrases.py STATEMENT_REMOVALS_TRIED": "how many edits are tried",
    "symptoms/phrases.py NETWORK_CALLS_TRIED": "how many edits are tried",
    "symptoms/phrases.py LOSS_TERMS_TRIED": "how many edits are tried",
    "symptoms/phrases.py CALLS_TRIED": "how many edits are tried",
    "symptoms/phrases.py OPTIMIZER_ARGUMENTS_TRIED": "how many edits are tried",
    "symptoms/phrases.py LEARNING_RATE_FACTORS": "how many edits are tried",
    "symptoms/phrases.py INITIALISATIONS_TRIED": "how many edits are tried",
}
NONE_OR_ONE = {0, 1, 2, -1}  # nothing, the whole, a pair, the last
IN_WORDS = {"symptoms/saddle_point.py 0.01": "a share that is printed as less than 1 %"}


def plain_numbers(room: str) -> Iterator[str]:
    for path in sorted((ROOT / "src" / "descend" / "doctor" / room).glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and is_number(node.value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (f"{room}/{path.name} {ast.unparse(target)}" for target in targets)


def is_number(value: ast.expr) -> bool:
    """Whether a constant is a number, several, or computed from some; those of a call are its own affair."""
    if isinstance(value, ast.Constant):
        return isinstance(value.value, int | float) and not isinstance(value.value, bool)
    if isinstance(value, ast.Tuple):
        return any(map(is_number, value.elts))
    if isinstance(value, ast.BinOp):
        return is_number(value.left) or is_number(value.right)
    return isinstance(value, ast.UnaryOp) and is_number(value.operand)


def test_what_is_left_a_plain_number_decides_nothing_by_itself():
    assert {name for room in ("assess", "symptoms") for name in plain_numbers(room)} == PLAIN.keys()


def numbers_compared(room: str) -> Iterator[str]:
    """Yield the numbers that something is compared with, or multiplied by, inside functions."""
    for path in sorted((ROOT / "src" / "descend" / "doctor" / room).glob("*.py")):
        functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
        for node in (inner for function in functions for inner in ast.walk(function)):
            if isinstance(node, ast.Compare):
                operands = [node.left, *node.comparators]
            else:
                is_product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
                operands = [node.left, node.right] if is_product else []
            values = [operand.value for operand in operands if isinstance(operand, ast.Constant)]
            numbers = [value for value in values if isinstance(value, int | float)]
            yield from (f"{room}/{path.name} {value}" for value in numbers if value not in NONE_OR_ONE)


def test_what_a_symptom_compares_with_is_a_bound():
    assert set(numbers_compared("symptoms")) == IN_WORDS.keys()


def test_all_kinds_of_plain_numbers_are_seen():
    numbers = ("0.5", "3", "-1", "1 / 3", "1 - STUCK", "(0.1, 2)")
    assert all(is_number(ast.parse(text).body[0].value) for text in numbers)
    assert not any(is_number(ast.parse(text).body[0].value) for text in ("True", "'0.5'", "Bound(0.5, '', '')", "[1]"))


def test_bounds_are_found_in_every_package():
    assert {each.package for each in STATED} == set(ranges.PACKAGES) and len(STATED) > 150
    assert all(isinstance(each.bound, Bound | Count) for each in STATED)
    assert len({each.id for each in STATED}) == len(STATED)


@pytest.mark.parametrize("stated", STATED, ids=lambda stated: stated.id)
def test_the_page_has_its_value_unit_and_reason(stated):
    text = written.PAGE.read_text().split(f"## {stated.package}\n")[1].split("\n## ")[0]
    cells = [stated.file, f"`{stated.name}`", f"{stated.bound:g}", stated.bound.unit, stated.bound.why]
    assert f"| {' | '.join(cells)} |" in text, "python docs/bounds.py"


def test_the_page_is_what_the_source_says():
    assert written.PAGE.read_text() == written.page(), "python docs/bounds.py"


def test_a_range_is_that_of_the_present_value():
    known = json.loads(written.MEASURED.read_text())
    stale = {each.id for each in STATED if known.get(each.id, {}).get("value") != each.bound}
    assert stale == set() == known.keys() - {each.id for each in STATED}, "python docs/bounds.py --measure"


def test_another_value_of_a_count_is_whole_and_another_one():
    one, two = (ranges.Stated("assess", "stages", "LEAST", Count(number, "steps", "chosen")) for number in (1, 2))
    assert [one.times(factor) for factor in (0.5, 1.4, 4)] == [0, 2, 4]
    assert [two.times(factor) for factor in (0.25, 0.7, 1.4, 4)] == [1, 1, 3, 8]
