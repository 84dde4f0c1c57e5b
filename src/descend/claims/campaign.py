"""Measure many claims in parallel processes; store each row when it is complete."""

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from pathlib import Path

from descend.claims.gallery import load_claim
from descend.claims.measure import Rows, measure
from descend.claims.rows import SHIPPED, Row, add_row, read_rows, row_key
from descend.core.worker_pool import worker_pool
from descend.doctor.redaction.private import require_file

UNKNOWN_S = 120.0  # time of a measurement that was never made, for the estimate of the time left
Place = tuple[str, str]  # name of a claim and one of its conditions


def places_of(names: Sequence[str]) -> list[Place]:
    """Return the conditions of several claims."""
    return [(name, condition) for name in names for condition in load_claim(name).conditions]


def stored_rows(path: Path, places: Sequence[Place]) -> Rows:
    """Return the rows in a file that belong to the claims as they are now, by claim and condition."""
    known = read_rows(path)
    keys = {place: row_key(*place) for place in places}
    return {place: known[key] for place, key in keys.items() if key in known}


class TimeLeft:
    """The estimate of the time left, from how long each measurement took when it was made before."""

    def __init__(self, places: Sequence[Place], jobs: int) -> None:
        before = {(row.claim, row.condition): row.seconds for row in read_rows(SHIPPED).values()}
        self._left = {place: before.get(place, UNKNOWN_S) for place in places}
        self.total = len(places)
        self._jobs, self._expected_s, self._real_s = jobs, 0.0, 0.0

    @property
    def count(self) -> int:
        """The number of measurements that are not complete."""
        return len(self._left)

    def expected_s(self, place: Place) -> float:
        """Return how long a measurement will probably take, in seconds."""
        return self._left[place]

    def add(self, row: Row) -> None:
        """Note that a row is complete."""
        self._expected_s += self._left.pop((row.claim, row.condition))
        self._real_s += row.seconds

    @property
    def left_s(self) -> float:
        """The probable number of seconds until all rows are complete."""
        slower = self._real_s / self._expected_s if self._expected_s else 1.0
        longest = max(self._left.values(), default=0.0)
        return slower * max(longest, sum(self._left.values()) / self._jobs)


Announce = Callable[[Row | None, TimeLeft], None]


def measure_all(places: Sequence[Place], path: Path, jobs: int, announce: Announce) -> Rows:
    """Measure claims in their conditions, and add each row to a file. Ctrl-C loses the measurements that still run.

    announce: called once without a row, and after each row. The longest measurements begin first.
    """
    require_file(path)
    left = TimeLeft(places, jobs)
    rows: Rows = {}
    order = sorted(places, key=lambda place: -left.expected_s(place))
    announce(None, left)
    with worker_pool(min(jobs, max(1, len(places)))) as pool:
        for future in as_completed([pool.submit(measure, *place) for place in order]):
            row = future.result()
            add_row(path, row)
            rows[row.claim, row.condition] = row
            left.add(row)
            announce(row, left)
    return rows
