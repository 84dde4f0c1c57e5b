"""Measure many cases in parallel, store each when it ends, and leave out those that are stored."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from math import inf
from multiprocessing import get_context
from typing import Any

from side_by_side import ROOT

sys.path.append(str(ROOT / "clinic"))

from mutations.rows import Rows, key  # noqa: F401 (the programs that measure cases need both)

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Something to measure: `measure(*arguments)` returns its results. Both are sent to another process."""

    key: str  # a hash of what the results depend on
    measure: Callable[..., Row]
    arguments: tuple[Any, ...]


def measure_missing(rows: Rows, cases: Sequence[Case], until: float = inf, processes: int = 0) -> Iterator[Row]:
    """Measure each case without stored results, in random order of ending; yield its row when it is stored.

    until: time of `time.monotonic` after which nothing new begins. processes: as many as there are cores by default.
    The exception of the first case that fails is raised when all others are stored.
    """
    failures: list[BaseException] = []
    missing = [case for case in cases if case.key not in rows.known]
    processes = processes or len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_measure_in_time, case, until): case for case in missing}
        for future in as_completed(futures):
            if (failure := future.exception()) is not None:
                failures.append(failure)
            elif (row := future.result()) is not None:
                yield rows.add({"key": futures[future].key, **row})
    if failures:
        raise failures[0]


def _measure_in_time(case: Case, until: float) -> Row | None:
    """Return the results of a case; None after the time `until`."""
    began = time.monotonic()
    if began >= until:
        return None
    return {**case.measure(*case.arguments), "case_s": round(time.monotonic() - began, 2)}
