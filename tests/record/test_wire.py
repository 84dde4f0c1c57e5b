"""Messages from one process to another arrive unchanged."""

import ast
import math
import struct
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from descend.doctor.record import Cost, Effect, Ending, Fact, Message, Note, Reading, Site, facts
from descend.doctor.record.wire import decode, encode

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
number = st.floats(width=64)  # NaN, the infinities and -0.0 among them
step = st.integers(0, 2**53)
json_value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
message: st.SearchStrategy[Message] = st.one_of(
    st.builds(Reading, text, text, step, number),
    st.builds(Reading, st.sampled_from(["loss", "rate"]), st.sampled_from(["", "0"]), step, number),
    st.builds(Fact, text, text, step, st.dictionaries(text, json_value, max_size=3)),
    st.builds(Site, text, text, text, step, step, step, step, text, text, text),
    st.builds(Effect, text, text, st.booleans()),
    st.builds(Note, text, text, step),
    st.builds(Cost, text, st.floats(0, 1e9), step),
    st.builds(Ending, text, st.integers(-255, 255), step, st.floats(0, 1e9)),
)


def bits(messages: list[Message]) -> list[object]:
    """The messages with each reading's value as its bits, since NaN is unequal to itself."""
    return [(m.name, m.place, m.step, struct.pack("<d", m.value)) if isinstance(m, Reading) else m for m in messages]


@given(st.lists(message, max_size=30))
def test_encoded_messages_are_decoded_unchanged(messages):
    lines = encode(messages).splitlines(keepends=True)
    assert bits([m for line in lines for m in decode(line)]) == bits(messages)


@given(st.lists(message, min_size=1, max_size=10), st.data())
def test_an_incomplete_line_is_left_out(messages, data):
    *whole, last = encode(messages).splitlines(keepends=True)
    cut = last[: data.draw(st.integers(0, len(last) - 1))]
    assert decode(cut) == []
    kept = [m for line in whole for m in decode(line)]
    assert bits(kept) == bits(messages[: len(kept)])


def test_neighbouring_readings_share_one_compact_line():
    readings = [Reading(name, "0", i, math.pi * i) for i in range(1000) for name in ("loss", "gradient_norm")]
    encoded = encode(readings)
    assert encoded.count(b"\n") == 1
    assert len(encoded) < 20 * len(readings)


def test_a_fact_between_readings_keeps_its_place():
    messages = [Reading("loss", "", 0, 1.0), Fact.of(facts.BackwardPasses(3), 0), Reading("loss", "", 1, 2.0)]
    lines = encode(messages).splitlines(keepends=True)
    assert len(lines) == 3
    assert [m for line in lines for m in decode(line)] == messages


def test_lines_in_other_formats_are_left_out():
    for line in (
        b"epoch 1 loss 0.5\n",
        b'["unknown", {}]\n',
        b'["fact", {"no": 1}]\n',
        b"[]\n",
        b"3\n",
        b"\xff\n",
    ):
        assert decode(line) == []


def test_an_undecodable_file_name_survives():
    effect = Effect("write", "/data/\udcff.pt", True)
    assert decode(encode([effect])) == [effect]


def test_values_that_json_cannot_represent_become_text():
    (fact,) = decode(encode([Fact("data", "", 0, {"root": Path("data")})]))
    assert fact.detail == {"root": "data"}


def test_the_script_s_interpreter_needs_nothing_but_the_standard_library():
    check = "import sys, descend.doctor.record.wire as w; print(sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run([sys.executable, "-I", "-c", check], capture_output=True, text=True, check=True)
    modules = set(ast.literal_eval(loaded.stdout))
    assert not modules & {"numpy", "sqlalchemy", "torch", "rich"}
