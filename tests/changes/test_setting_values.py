"""New values of settings: their types, and their text in the source and in settings files."""

import ast
import json
import tomllib

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from descend.core.errors import UsageError
from descend.doctor.changes.settings import find_setting, set_setting

ACCEPTED = [  # present code, new text, new code
    ("0.1", "3e-4", "3e-4"),
    ("1e-3", "0.01", "0.01"),
    ("0.1", "-1", "-1"),
    ("0.1", "1_000", "1_000"),
    ("-0.1", "0.2", "0.2"),
    ("(0.1)", "0.2", "(0.2)"),
    ("32", "64", "64"),
    ("0", "0.9", "0.9"),
    ("1", "0.5", "0.5"),
    ("True", "false", "False"),
    ("False", "True", "True"),
    ("None", "0.5", "0.5"),
    ("None", "adam", '"adam"'),
    ("1.0", "None", "None"),
    ("'adam'", "sgd", "'sgd'"),
    ('"adam"', "sgd", '"sgd"'),
    ('"adam"', "'sgd'", "'sgd'"),
    ('"adam"', 'a"b', "'a\"b'"),
    ('"adam"', "a\nb", "'a\\nb'"),
    ('"adam"', "'3'", "'3'"),
    ('"0.1"', "0.3", '"0.3"'),
    ('"data"', "", '""'),
    ('"adam"', "0.1 # comment", '"0.1 # comment"'),
]


@pytest.mark.parametrize(("old", "text", "new"), ACCEPTED)
def test_a_value_of_the_same_type_is_inserted_as_it_was_typed(script, old, text, new):
    present = script(f"value = {old}  # comment\n")
    edited = set_setting(present, "value", text)
    assert edited.read(edited.path) == f"value = {new}  # comment\n"


REFUSED = [  # present code, new text, what the value has to be
    ("0.1", "fast", "a number"),
    ("0.1", "", "a number"),
    ("0.1", "True", "a number"),
    ("0.1", "'0.3'", "a number"),
    ("0.1", "1e999", "a number"),
    ("0.1", "nan", "a number"),
    ("0.1", "0.1, 0.2", "a number"),
    ("0.1", "0.1 # comment", "a number"),
    ("0.1", "0.3)", "a number"),
    ("0.1", "(" * 300 + "1" + ")" * 300, "a number"),
    ("32", "0.5", "a whole number (write 32.0 in the script to allow fractions)"),
    ("32", "False", "a number"),
    ("True", "1", "True or False"),
    ("True", "maybe", "True or False"),
    ("'adam'", "3", "a string (for a string, add quotes: '\"3\"')"),
]


@pytest.mark.parametrize(("old", "text", "needed"), REFUSED)
def test_a_value_of_another_type_is_refused(script, old, text, needed):
    with pytest.raises(UsageError) as raised:
        set_setting(script(f"value = {old}\n"), "value", text)
    shown = text if len(text) <= 40 else text[:40] + "…"
    assert str(raised.value) == f"value={shown} is not {needed}: value is {old} in train.py:1"


@pytest.mark.parametrize(
    "text",
    [
        'parser.add_argument("--lr", type=float, default=10)\n',
        "class Config:\n    lr: float = 10\n",
        "class Config:\n    lr: Optional[float] = 10\n",
        "def train(lr: float = 10): ...\n",
    ],
)
def test_an_integer_that_is_declared_to_be_a_float_may_become_a_fraction(script, text):
    present = script(text)
    assert set_setting(present, "lr", "0.5").read(present.path) == text.replace("10", "0.5")


def test_a_text_that_the_file_s_encoding_lacks_is_refused(script):
    present = script("# -*- coding: ascii -*-\nname = 'a'\n")
    with pytest.raises(UsageError, match="^the edit of .*train.py contains 'ä', which cannot be encoded in ascii$"):
        set_setting(present, "name", "ä")


NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False).map(repr), st.integers().map(str))
WORDS = st.text().filter(lambda text: text.strip() == text)
SOURCE = """\
# ä comment with 0.1
parser.add_argument("--rate", default = 0.1 , help="a rate")
config = {"rate": {"decay": 0.1,"note": 'old' }}; other = 0.1\r
optimizer = SGD(net.parameters(), momentum=( 0.1 ), lr =0.1)
"""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(st.sampled_from(["rate", "decay", "other", "momentum", "lr"]), NUMBERS)
def test_only_the_number_differs_and_the_source_still_parses(script, name, text):
    present = script(SOURCE)
    found = find_setting(present, name)
    edited = set_setting(present, name, text)
    after = edited.read(edited.path)
    ast.parse(after)
    assert find_setting(edited, name).text == text
    assert find_setting(edited, name).line == found.line
    lines = zip(SOURCE.split("\n"), after.split("\n"), strict=True)
    changed = [(old, new) for old, new in lines if old != new]
    assert all(new in {_replaced(old, i, text) for i in range(len(old))} for old, new in changed) and len(changed) <= 1


def _replaced(line: str, start: int, text: str) -> str:
    """Return the line with the number 0.1 at a position replaced by a text."""
    return line[:start] + text + line[start + 3 :] if line[start : start + 3] == "0.1" else line


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(WORDS, st.sampled_from("\"'"))
def test_every_text_becomes_a_string_or_is_refused(script, text, quote):
    present = script(f"note = {quote}old{quote}  # end\n")
    try:
        edited = set_setting(present, "note", text)
    except UsageError:
        return
    after = edited.read(edited.path)
    (statement,) = ast.parse(after).body
    value = ast.literal_eval(statement.value)
    assert after.endswith("  # end\n") and (value is None or isinstance(value, str))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(st.one_of(NUMBERS, st.sampled_from(["3e-4", "3E-4", ".5", "5.", "0x10", "1_000", "+2", "1e5"])))
def test_settings_files_read_the_number_that_was_typed(script, text):
    files = {"a.yaml": "lr: 0.1 # a\n", "b.json": '{"lr": 0.1}\n', "c.toml": "lr = 0.1 # c\n"}
    readers = {"a.yaml": yaml.safe_load, "b.json": json.loads, "c.toml": tomllib.loads}
    present = script("names = ['a.yaml', 'b.json', 'c.toml']\n", files=files)
    for name, read in readers.items():
        edited = set_setting(present, f"{name}:lr", text)
        after = edited.read(present.root / name)
        assert read(after) == {"lr": ast.literal_eval(text)}
        head, tail = files[name].split("0.1")
        assert after.startswith(head) and after.endswith(tail)
