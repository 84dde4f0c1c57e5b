"""What is said of examined runs that nobody runs again: `python tests/frozen/freeze.py --said` accepts a change."""

import json

from frozen import SAID, kept, lines_of, records_in, text_of

from descend.symptoms import SYMPTOMS

RARE = 0.8  # of all symptoms that are shown by one of the programs at least


def test_of_what_was_measured_the_same_is_said_as_then():
    then = SAID.read_text().splitlines()
    now = [line for name, record in kept() for line in lines_of(name, record)]
    assert [line for line in now if line not in set(then)] == [] == [line for line in then if line not in set(now)]
    assert now == then


def test_they_show_nearly_all_that_can_be_said():
    said = {json.loads(line)["id"] for line in SAID.read_text().splitlines()}
    assert len(said & SYMPTOMS.keys()) > RARE * len(SYMPTOMS)


def test_a_record_is_read_back_as_it_was_kept():
    name, record = next(kept())
    lines = text_of(name, record).encode().splitlines(keepends=True)
    assert list(records_in(lines)) == [(name, record)] and len(record.readings) > 10
