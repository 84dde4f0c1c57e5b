"""Stored JSON is converted to typed values in one module."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from descend.core.errors import UsageError
from descend.doctor import record
from descend.doctor.record.decoding import as_type, decode_text, reporting_damage

ROOM = Path(str(record.__file__)).parent


@dataclass(frozen=True)
class Kept:
    """A row."""

    name: str
    values: tuple[float, ...] = ()


def test_no_other_module_reads_json_from_a_store():
    readers = {
        path.name for path in [*ROOM.glob("*.py"), ROOM.parent / "archive.py"] if "json.loads" in path.read_text()
    }
    assert readers == {"decoding.py", "wire.py"}  # the latter reads what the script sends


def test_a_row_is_converted_to_its_type():
    assert decode_text(Kept, '{"name": "loss", "values": [1, NaN, -Infinity], "older": 3}', "row").values[0] == 1.0


@pytest.mark.parametrize(
    "text, reason",
    [
        ('{"name": 3}', "row: Expected `str`, got `int` - at `$.name`"),
        ('{"name": "a", "values": ["b"]}', "row: Expected `float`, got `str` - at `$.values[0]`"),
        ("{}", "row: Object missing required field `name`"),
        ("[]", "row: Expected `object`, got `array`"),
        ("{", "row: Expecting property name"),
        ("[" * 100_000, "maximum recursion depth"),
        (b"\xff", "row: not a text"),
        (None, "row: not a text"),
    ],
)
def test_damage_is_reported_in_one_line_with_run_row_and_field(text, reason):
    with pytest.raises(UsageError) as refused, reporting_damage("run 3 in .descend/descend.db"):
        decode_text(Kept, text, "row")
    said = str(refused.value)
    assert said.startswith("run 3 in .descend/descend.db cannot be read: it is damaged") and reason in said
    assert "\n" not in said


def test_a_number_too_large_for_its_type_is_refused():
    with pytest.raises(ValueError, match="values"):
        as_type(Kept, {"name": "a", "values": [10**400]}, "row")
