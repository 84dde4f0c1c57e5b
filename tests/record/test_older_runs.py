"""A run stored by an earlier version is loaded, except for facts whose form has changed since."""

import json
import sqlite3
from typing import Any

import pytest

from descend.core.errors import UsageError
from descend.doctor.record import Fact, Note, Reading, Record, facts
from descend.doctor.record.store import open_store

LIMITED, UNKNOWN = facts.Clip("clip_grad_norm_", 0.5), Fact("phase_of_the_moon", "", 2, {"full": [True]})

SAID = "a measurement by an earlier version of descend cannot be read"


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path) as opened:
        yield opened


def kept(store, *more: Fact) -> int:
    number = store.begin(Record())
    with store.writer(number) as writer:
        writer.add([Reading("loss", "0", 0, 1.0), Fact.of(LIMITED, 3), *more, Note("tape", "none")])
    return number


def test_an_unreadable_fact_is_left_out_and_noted_once_for_each_name(store):
    short, other = {"function": "clip_grad_norm_"}, {"function": "sqrt", "least": "none"}
    seen = [Fact("clip", "", 0, short), Fact("clip", "1", 0, short), Fact("singular", "0", 1, other), UNKNOWN]
    record = store.load(kept(store, *seen))
    assert record.history(facts.Clip)[-1].fact == LIMITED and list(record.every(facts.Clip)) == [""]
    assert record.fact(facts.Singular, "0") is None and record.series("loss", "0").values == (1.0,)
    assert record.notes == [Note("record", f"{SAID}: clip"), Note("record", f"{SAID}: singular"), Note("tape", "none")]
    assert record.facts["phase_of_the_moon", ""] == [UNKNOWN]


def test_a_run_that_is_loaded_and_saved_again_stays_the_same(store):
    record = store.load(kept(store, Fact("clip", "", 0, {})))
    assert store.load(store.save(record)) == record


@pytest.mark.parametrize("body", [[], "detail", 3, {"detail": [1]}, {"name": 3}, {"step": "0"}, {"other": 1}])
def test_a_damaged_fact_is_refused(store, tmp_path, body: Any):
    number = kept(store)
    sound = {"name": "clip", "place": "", "step": 3, "detail": {"function": "f", "limit": 0.5}}
    with sqlite3.connect(tmp_path / "descend.db") as connection:
        text = json.dumps(sound | body if isinstance(body, dict) else body)
        connection.execute("update observations set body = ? where kind = 'fact'", (text,))
    with pytest.raises(UsageError, match=f"run {number} in .* cannot be read"):
        store.load(number)
