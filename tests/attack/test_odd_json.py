"""Numbers and texts that JSON cannot express: what is printed, sent and kept is valid JSON, and can be read again."""

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from complaints import one_line
from sampling import sampled
from sqlalchemy import text as sql

from descend.core.errors import UsageError
from descend.doctor.archive import save_case
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.record import Cost, Effect, Ending, Fact, Message, Note, Reading, Record, Site, facts
from descend.doctor.record.store import open_existing, open_store
from descend.doctor.record.validation import valid_messages
from descend.doctor.record.wire import decode, encode
from descend.doctor.report.json_report import finding_as_json, render_json

from .world import TRAINING


def strict(text: str) -> Any:
    """Return the value of a text that is JSON by RFC 8259, in UTF-8, and nothing more."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text.encode()  # half of a surrogate pair can be neither written nor sent
    return json.loads(text, parse_constant=refuse)


NUMBERS = {
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
    "a denormal number": 5e-324,
    "the largest number": sys.float_info.max,
    "minus zero": -0.0,
}
WHOLE = {"beyond 64 bits": 2**64, "5000 digits": 10**5000, "minus 5000 digits": -(10**5000)}
TEXTS = {
    "a lone surrogate": "loss\ud800",
    "a low surrogate first": "\udc80\ud83d",
    "NUL": "a\0b",
    "a text like an escape": "\\ud800\\u0000",
    "a line separator": "a\u2028b\u2029c",
    "an end of a text": '"}]}\n{"schema": 9}',
    "a noncharacter": "\ufffe\uffff\U0010ffff",
    "a byte order mark": "\ufeffloss",
    "NaN as a text": "NaN",
}
numbers = pytest.mark.parametrize("name", sampled(NUMBERS, "NaN"))
texts = pytest.mark.parametrize("name", sampled(TEXTS, "a lone surrogate", "NUL"))


def case_of(root: Path, number: Any = 1.0, text: str = "loss") -> Case:
    """A case with this number and this text wherever a script can bring them in."""
    record = Record(1, "baseline", None, f"{text}.py", str(root / text), 0, {"python": text})
    for message in messages_of(number, text):
        record.add(message)
    site = Site("optimizer", text, f"{text}.py", 1, 0, 1, 5, text, detail=text)
    named = {"module": text, "where": site, "evidence": ((text, text),)}
    found = Symptom(True, text, text, number, number, text, **named, id="no_zero_grad", kind="wiring")
    return Case(record, (found,), (found,), bare_s=number, total_s=number)


def messages_of(number: Any, text: str) -> list[Message]:
    return [
        Reading("loss", text, 0, 1.0),
        Reading(text, text, 1, number if isinstance(number, float) else 1.0),
        Fact.of(facts.Optimizer(text, groups=1, parameters=10, lr=number), 0, text),
        Note(text, text),
        Effect("write", text, True),
        Cost(text, 0.1, 1),
        Ending("failed", 1, 4, error=f"RuntimeError: {text} {type(number)}"),
    ]


@numbers
def test_a_case_with_an_odd_number_is_valid_json(tmp_path, name):
    case = case_of(tmp_path, number=NUMBERS[name])
    found = strict(render_json(case))
    assert found["schema"] and len(found["findings"]) == 1
    value = found["findings"][0]["value"]
    assert value is None or value == NUMBERS[name]


@texts
def test_a_case_with_an_odd_text_is_valid_json(tmp_path, name):
    case = case_of(tmp_path, text=TEXTS[name])
    found = strict(render_json(case))
    assert len(found["findings"]) == 1 and found["script"].endswith(".py")
    json.dumps(finding_as_json(case.findings[0], tmp_path, 1), allow_nan=False)  # what a webhook gets


@pytest.mark.parametrize("name", sampled([*NUMBERS, *WHOLE, *TEXTS], "5000 digits", "a lone surrogate"))
def test_a_message_with_odd_contents_is_sent_or_left_out(name):
    sent = messages_of((NUMBERS | WHOLE).get(name, 1.0), TEXTS.get(name, "loss"))
    lines = encode(sent).splitlines(keepends=True)
    for line in lines:
        line.decode("ascii")
        decode(line)
    kept = [message for line in lines for message in valid_messages(line)]
    assert {type(message) for message in kept} >= {Reading, Note, Effect, Ending}


@pytest.mark.parametrize("name", sampled([*NUMBERS, *TEXTS], "Infinity", "a lone surrogate", "NUL"))
def test_what_is_kept_of_an_odd_case_is_read_again_and_printed_as_json(descend_here, tmp_path, name):
    case = case_of(tmp_path, NUMBERS.get(name, 1.0), TEXTS.get(name, "loss"))
    record = Record(0, "baseline", None, case.record.script, str(tmp_path), 0, {"python": TEXTS.get(name, "3")})
    for line in encode(messages_of(NUMBERS.get(name, 1.0), TEXTS.get(name, "loss"))).splitlines(keepends=True):
        record.extend([*valid_messages(line)])
    with open_store(tmp_path / ".descend") as store:
        store.save(record)
        save_case(store, Case(record, case.findings, bare_s=1.0, total_s=2.0))
    done = descend_here("diagnose", "--format", "json")
    assert done.returncode == 4 and done.stderr == "", done.stderr  # the record is that of a failed script
    assert "no_zero_grad" in [finding["symptom"] for finding in strict(done.stdout)["findings"]]
    for command in (["runs"], ["report"], ["export"]):
        done = descend_here(*command)
        assert done.returncode == 0, (command, done.stderr)


class Speechless:
    """An object of a script, of which nothing can be said."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


ODD = {"no text": Speechless(), "none inside": [Speechless()], "a key of two": {(1, 2): 3}, "deep": 0, "itself": 0}


@pytest.mark.parametrize("name", sampled(ODD, "no text", "deep"))
def test_a_message_that_cannot_be_written_is_left_out_and_the_others_are_sent(name):
    value = ODD[name]
    if name == "deep":
        for _ in range(100_000):
            value = [value]
    elif name == "itself":
        value = []
        value.append(value)
    sent = encode([Note("a", "first"), Fact("tape", "0", 0, {"x": value}), Reading("loss", "0", 0, 1.0)])
    kept = [message for line in sent.splitlines(keepends=True) for message in decode(line)]
    assert [type(message) for message in kept] == [Note, Reading]
    while isinstance(value, list) and value and value[0] is not value:  # or its end would need as deep a stack
        value = value[0]


BODIES = {
    "NaN": "NaN",
    "-Infinity": "-Infinity",
    "a number of 5000 digits": "9" * 5000,
    "an exponent of 5000 digits": "1e" + "9" * 5000,
    "lists, deeply": "[" * 200_000 + "]" * 200_000,
    "objects, deeply": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "lists without an end": "[" * 200_000,
    "a key twice": '{"kind": "a", "kind": "b"}',
    "half of an escape": '"\\ud800"',
    "a wrong escape": '"\\x41"',
    "a control character": '"\x01"',
    "more than one": "{} {}",
    "nothing": "",
    "white space": "\u00a0",
    "a byte order mark": "\ufeff{}",
    "a name of Python": "__import__('os')",
    "a prototype": '{"__proto__": {"a": 1}, "__class__": "x"}',
}
PLACES = [("runs", "ending"), ("runs", "environment"), ("observations", "body"), ("findings", "body")]


@pytest.mark.parametrize("place", PLACES, ids=".".join)
@pytest.mark.parametrize("name", sampled(BODIES, "NaN", "lists, deeply"))
def test_stored_json_of_another_kind_is_one_line_or_an_answer(descend_here, tmp_path, place, name):
    record = case_of(tmp_path).record
    with open_store(tmp_path / ".descend") as store:
        store.save(Record(0, "baseline", None, "train.py", str(tmp_path), 0, {}, record.readings))
        number = 1
        saved = store.load(number)
        saved.extend(messages_of(1.0, "loss")[2:])
        store.save(saved)
        save_case(store, Case(saved, case_of(tmp_path).findings))
        with store.engine.begin() as connection:
            table, column = place
            connection.execute(sql(f"UPDATE {table} SET {column} = :body"), {"body": BODIES[name]})
    for command in (["diagnose", "--format", "json"], ["diagnose"], ["report"], ["runs"]):
        done = descend_here(*command)
        assert done.returncode in (0, 1, 2, 3, 4), (command, done.stderr[-500:])
        if done.returncode == 2:
            assert one_line(done.stderr), (command, done.stderr[-500:])
            assert len(done.stderr) < 1000
        elif "json" in command:
            strict(done.stdout)


def test_a_store_that_is_none_is_refused_in_one_line(tmp_path):
    with pytest.raises(UsageError):
        open_existing(tmp_path / "other")


OWN = {  # what a script prints, and how it ends
    "a metric of no encoding": r"sys.stdout.buffer.write(b'lo\xffss: nan\n')",
    "metrics that are no numbers": "print('loss: nan, accuracy: -inf, error: 1e999, f1: ' + '9' * 4000)",
    "an exception with half of a pair": r"raise RuntimeError('\ud800 \x00 \u2028')",
    "an exception without a text": "raise type('Odd\\ud800', (Exception,), {'__str__': lambda self: 1})()",
    "exceptions by the hundred": "raise ExceptionGroup('a', [ValueError(str(k) * 1000) for k in range(300)])",
    "a warning of half a pair": r"import warnings; warnings.warn('\udcff \x1b[2J')",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(OWN, "an exception with half of a pair"))
def test_what_a_script_says_of_itself_is_valid_json(descend, tmp_path, name):
    file = os.fsdecode(b"tr\xffain.py")
    (tmp_path / file).write_text("import sys\n" + TRAINING.format(steps=12) + OWN[name] + "\n")
    done = descend("watch", file, cwd=tmp_path, errors="backslashreplace")
    assert done.returncode == ("raise" in OWN[name]) and "mistake of descend" not in done.stderr, done.stderr
    done = descend("diagnose", "--format", "json", cwd=tmp_path)
    assert strict(done.stdout)["steps"] == 12 and not done.stderr, done.stderr
