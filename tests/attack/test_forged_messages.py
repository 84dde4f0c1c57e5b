"""What a script writes to the pipe by itself: it is left out, and takes neither memory nor time without an end."""

import json
import os
import threading
from itertools import chain

import pytest

from descend.doctor.execution.process import received_messages
from descend.doctor.record import Effect, Ending, Fact, Reading, Record, facts
from descend.doctor.record.validation import Lines, valid_messages
from descend.doctor.record.wire import encode

ENDING = {"reason": "finished", "status": 0}
FORGED = {
    "an error that is no text": ["ending", ENDING | {"error": 5}],
    "a status that is no number": ["ending", ENDING | {"status": "0"}],
    "a status that no system has": ["ending", ENDING | {"status": 10**400}],
    "steps that are a list": ["ending", ENDING | {"steps": []}],
    "an ending without a reason": ["ending", {"status": 0}],
    "a field that there is not": ["effect", {"kind": "write", "target": "x", "refused": True, "hidden": 1}],
    "an effect of a number": ["effect", {"kind": "write", "target": 1, "refused": True}],
    "an effect that is maybe refused": ["effect", {"kind": "write", "target": "x", "refused": "no"}],
    "a note of a dictionary": ["note", {"probe": "x", "reason": {}}],
    "a site without a line": ["site", {"kind": "loss", "key": "", "file": "/dev/zero", "line": None}],
    "a site in no file": ["site", {"kind": "loss", "key": "", "file": ["/etc/passwd"], "line": 1}],
    "a fact of no type": ["fact", {"name": "password", "place": "", "step": 0, "detail": {}}],
    "a fact of another form": ["fact", {"name": "passes", "place": "", "step": 0, "detail": {"forward": "x"}}],
    "a fact without an object": ["fact", {"name": "passes", "place": "", "step": 0, "detail": 3}],
    "a cost of infinity's text": ["cost", {"probe": "x", "seconds": "inf", "calls": 1}],
    "readings of a list": ["readings", [[[], {}]], [0], [1], "AAAAAAAA8D8="],
    "readings at no step": ["readings", [["loss", ""]], [0], ["x"], "AAAAAAAA8D8="],
    "readings at a step that is too large": ["readings", [["loss", ""]], [0], [10**30], "AAAAAAAA8D8="],
    "readings at a truth value": ["readings", [["loss", ""]], [0], [True], "AAAAAAAA8D8="],
    "readings of no series": ["readings", [["loss", ""]], [7], [1], "AAAAAAAA8D8="],
    "a kind that there is not": ["shutdown", {}],
    "no list": {"ending": 1},
    "nothing": [],
}


@pytest.mark.parametrize("name", list(FORGED))
def test_a_message_of_another_form_is_left_out(name):
    line = json.dumps(FORGED[name]).encode() + b"\n"
    assert list(valid_messages(line)) == []


@pytest.mark.parametrize(
    "line", [b"[" * 100_000 + b"\n", b'["note",' * 5000 + b"\n", b"\xff\xfe\n", b"9" * 9999 + b"\n"]
)
def test_a_line_that_cannot_be_read_is_left_out(line):
    assert list(valid_messages(line)) == []


def test_what_descend_sends_itself_arrives():
    sent = [
        Reading("loss", "", 3, 0.5),
        Effect("write", "x", True),
        Fact.of(facts.ScriptStarted(), 0),
        Ending("finished", 0),
    ]
    record = Record()
    for line in encode(sent).splitlines(keepends=True):
        record.extend(valid_messages(line))
    assert record.steps == 0 and len(record.series("loss")) == 1 and record.effects and record.facts and record.ending


def test_a_line_without_an_end_fills_no_memory_and_hides_no_other():
    lines = Lines(longest=100)
    found = [lines.add(b"x" * 60) for _ in range(1000)]
    assert not any(found) and len(lines._waiting) <= 160
    assert lines.add(b"x\nshort\nnext") == [b"short\n"]
    assert lines.add(b"\n") == [b"next\n"]


def test_what_writes_for_ever_after_the_scripts_end_is_not_awaited():
    reader, writer = os.pipe()
    note = b'["note",{"probe":"x","reason":"y"}]\n'

    def flood() -> None:
        try:
            while True:
                os.write(writer, note)
        except OSError:
            return

    threading.Thread(target=flood, daemon=True).start()
    try:
        found = list(chain.from_iterable(received_messages([reader], lambda: True)))
    finally:
        os.close(reader)
    assert 0 < len(found) * len(note) < 1 << 21  # no more than a pipe holds, and a block
