"""Cases of real consultations as lines of JSON: a thinned record, its findings and its trials."""

import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from descend.doctor.archive import load_case
from descend.doctor.case import Case
from descend.doctor.record import Ending, Reading, Record
from descend.doctor.record.store import open_existing, open_store
from descend.doctor.record.wire import decode, encode

CASES = Path(__file__).parent / "cases.xz"
READ = ("loss", "learning_rate", "metric", "logged_metric", "evaluation_loss")  # series that reports use
MOST = 40  # readings of each series


@dataclass(frozen=True)
class Kept:
    """One case: its name, its record as lines, and its findings and trials as stored."""

    name: str
    head: dict[str, Any]
    record: str
    findings: list[dict[str, Any]]
    rows: list[dict[str, Any]]

    @property
    def case(self) -> Case:
        """The case as loaded from a store."""
        record = Record(**self.head)
        for line in self.record.splitlines():
            record.extend(decode(line.encode() + b"\n"))
        with TemporaryDirectory() as folder, open_store(Path(folder)) as store:
            number = store.save(record)
            store.finish(record)
            store.save_case(number, self.findings, self.rows)
            return load_case(store, number)


def kept_in(folder: Path, name: str, places: Mapping[str, str]) -> Iterator[Kept]:
    """Yield the cases of a store. places: parts of paths, and the texts that replace them."""
    with open_existing(folder) as store:
        for row in store.runs(("baseline",)):
            record = store.load(row.number)
            findings, rows = store.load_case(row.number)
            head = {"script": record.script, "root": record.root, "seed": record.seed}
            kept = json.dumps([head, "\n".join(_messages(record)), findings, rows])
            for place, shown in places.items():
                kept = kept.replace(place, shown)
            yield Kept(name, *json.loads(kept))


def read_kept() -> Iterator[Kept]:
    """Yield the kept cases."""
    with lzma.open(CASES, "rt") as lines:
        yield from (Kept(*json.loads(line)) for line in lines)


def write_kept(cases: Iterable[Kept]) -> None:
    """Keep these cases and no others."""
    with lzma.open(CASES, "wt", preset=9 | lzma.PRESET_EXTREME) as file:
        for kept in cases:
            file.write(json.dumps([kept.name, kept.head, kept.record, kept.findings, kept.rows]) + "\n")


def _messages(record: Record) -> Iterator[str]:
    readings = []
    for (name, place), (steps, values) in record.readings.items():
        stride = max(1, len(steps) // MOST)
        thinned = [*zip(steps, values)][::stride] + [*zip(steps, values)][-1:]
        readings += [Reading(name, place, step, value) for step, value in thinned if name in READ]
    facts = [fact for seen in record.facts.values() for fact in seen]
    ending: list[Ending] = [record.ending] if record.ending else []
    yield encode([*readings, *facts, *record.sites, *record.notes, *ending]).decode().rstrip("\n")
