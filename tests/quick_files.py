"""`make quick` leaves out the test files that take long: those of tests/slow_files.txt.

`pytest -n 3 --dist worksteal --write-slow-files` runs all tests and writes that list.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIST = HERE / "slow_files.txt"
LONGEST_S = 1.5  # seconds that all tests of a file may take together to be run by `make quick`


class QuickFiles:
    """The plugin that leaves out the slow files, or writes their list."""

    def __init__(self, *, leaves_out: bool, writes: bool) -> None:
        self._slow = set(LIST.read_text().split()) if leaves_out else set()
        self._writes = writes
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leave out a slow file before it is imported, which takes as long as many tests."""
        return True if collection_path.relative_to(HERE.parent).as_posix() in self._slow else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the seconds of each file."""
        self._seconds[report.nodeid.partition("::")[0]] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write the list of slow files, if it was requested."""
        if self._writes:
            write_list(self._seconds)


def write_list(seconds: Mapping[str, float]) -> None:
    """Write the list of slow files. seconds: file -> seconds that all of its tests took."""
    LIST.write_text("".join(f"{file}\n" for file, taken in sorted(seconds.items()) if taken > LONGEST_S))
