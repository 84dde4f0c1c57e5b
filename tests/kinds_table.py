"""Writes the table of docs/kinds.md from what the tests of `tests/kinds` say of each."""

from pathlib import Path

import pytest

BEGIN, END = "<!-- kinds: make kinds writes this table, make test some of its rows -->\n", "<!-- end -->"
COLUMNS = ("kind of script", "losses unchanged", "finding", "proved patch", "no false alarm")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n"
SAID = {"unharmed", "finding", "patched", "healthy"}


class KindsTable:
    """A plugin of pytest's: a row is written where all tests of its kind have passed, and goes where one has failed."""

    def __init__(self, page: Path) -> None:
        self.page, self.kinds, self.failed = page, dict[str, dict[str, object]](), set[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a test's word."""
        for name, said in report.user_properties if report.when == "call" and not report.skipped else ():
            if name == "kind":
                self.kinds.setdefault(said["name"], {}).update(said)
                self.failed |= {said["name"]} if report.failed else set()

    def pytest_sessionfinish(self) -> None:
        """Bring the page up to date; what did not run stays as it is."""
        names = next((said["of"] for said in self.kinds.values()), [])
        text = self.page.read_text()
        before, _, rest = text.partition(BEGIN)
        table, after = rest[: rest.index(END)], rest[rest.index(END) :]
        rows = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines(keepends=True)}
        for name, said in self.kinds.items():
            if name in self.failed:
                rows.pop(name, None)
            elif said.keys() >= SAID:
                rows[name] = f"| {name} | ✓ | `{said['finding']}` | `{said['patched']}` | ✓ |\n"
        new = before + BEGIN + HEAD + "".join(rows[name] for name in names if name in rows) + after
        if names and new != text:
            self.page.write_text(new)
