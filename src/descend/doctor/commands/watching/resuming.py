"""A training that goes on where it was broken off: what was told of it is not told again."""

from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.record.decoding import intact
from descend.doctor.record.store import Store


def told_before(store: Store, script: str) -> tuple[int | None, frozenset[str]]:
    """Return the last watched run of a command and the ids of what was sure in it; None where there is none."""
    runs = [row for row in store.runs(("watch",)) if row.script == script]
    if not runs:
        return None, frozenset()
    record = store.load(runs[-1].number)
    with intact(f"run {record.run} in {store.where}"):
        return record.run, frozenset(symptom.id for symptom in diagnose(record) if symptom.certain)
