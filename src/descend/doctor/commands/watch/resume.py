"""Find what was reported about the earlier run of a resumed training, so that it is not reported again."""

from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.record.decoding import reporting_damage
from descend.doctor.record.store import Store


def load_reported_findings(store: Store, script: str) -> tuple[int | None, frozenset[str]]:
    """Return the number of a script's last watched run, and the ids of its certain findings.

    Without such a run, return None and an empty set.
    """
    runs = [row for row in store.runs(("watch",)) if row.script == script]
    if not runs:
        return None, frozenset()
    record = store.load(runs[-1].number)
    with reporting_damage(f"run {record.run} in {store.where}"):
        return record.run, frozenset(symptom.id for symptom in diagnose(record) if symptom.certain)
