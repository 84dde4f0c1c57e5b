"""Report how far a measurement of `descend show` is."""

import time

from descend.doctor.measure.shown.points import Point
from descend.doctor.measure.snapshot import Snapshot
from descend.doctor.record import facts

INTERVAL_S = 0.5  # shortest time in seconds between two reports


class Progress:
    """Reports the number of Hessian-vector products of one measurement, of which it takes `most` at most."""

    def __init__(self, snapshot: Snapshot, point: Point, what: str, most: int) -> None:
        self._snapshot, self._point, self._what, self._most = snapshot, point, what, most
        self._began = self._reported = time.monotonic()
        snapshot.report(point.fact(facts.Measuring(what)))

    def add(self, products: int) -> bool:
        """Report the number of products so far, at most twice a second; return whether more of them are allowed."""
        now = time.monotonic()
        if now - self._reported >= INTERVAL_S:
            self._reported = now
            measuring = facts.Measuring(self._what, products, self._most, now - self._began)
            self._snapshot.report(self._point.fact(measuring))
        return products < self._most
