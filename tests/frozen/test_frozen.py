"""The reports of stored records are unchanged: `python tests/frozen/freeze.py --said` accepts a change."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from frozen import SAID, kept, lines_of, records_in, text_of

from descend.doctor.catalog import CATALOG
from descend.doctor.record.facts.typed import KINDS, typed

RARE = 0.8  # of all symptoms that are shown by one of the programs at least


def test_of_what_was_measured_the_same_is_said_as_then():
    then = SAID.read_text().splitlines()
    now = [line for name, record in kept() for line in lines_of(name, record)]
    assert [line for line in now if line not in set(then)] == [] == [line for line in then if line not in set(now)]
    assert now == then


def test_they_show_nearly_all_that_can_be_said():
    said = {json.loads(line)["id"] for line in SAID.read_text().splitlines()}
    assert len(said & CATALOG.keys()) > RARE * len(CATALOG)


def test_a_record_is_read_back_as_it_was_kept():
    name, record = next(kept())
    lines = text_of(name, record).encode().splitlines(keepends=True)
    assert list(records_in(lines)) == [(name, record)] and len(record.readings) > 10


def test_of_what_was_measured_the_types_of_the_facts_know_every_part():
    unknown = {
        f"{name}: {part}"
        for _, record in kept()
        for (name, _), seen in record.facts.items()
        if (kind := KINDS.get(name))
        for fact in seen
        for part in _unknown(fact.detail, asdict(typed(kind, fact.detail)))
    }
    assert unknown == set()


def _unknown(kept_as: Any, read_as: Any) -> Iterator[str]:
    """Yield the names in what was kept that what was read has not."""
    if isinstance(kept_as, dict):
        for name, value in kept_as.items():
            if str(name) not in map(str, read_as):
                yield name
            else:
                yield from _unknown(value, read_as.get(name))
    elif isinstance(kept_as, list):
        for kept_part, read_part in zip(kept_as, read_as, strict=True):
            yield from _unknown(kept_part, read_part)
