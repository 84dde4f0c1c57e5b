"""Writes the README's table of kinds from the tests of `tests/kinds` that have passed, once all of them have."""

from pathlib import Path

import pytest

BEGIN, END = "<!-- kinds: make test writes this table -->\n", "<!-- end -->"
COLUMNS = ("kind of script", "unharmed, bit for bit", "its fault found", "proved patch", "healthy: no finding")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n"


class KindsTable:
    """A plugin of pytest's that gathers what each test says of its kind."""

    def __init__(self, page: Path) -> None:
        self.page, self.kinds = page, dict[str, dict[str, object]]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a test's word where it has passed."""
        for name, said in report.user_properties if report.when == "call" and report.passed else ():
            if name == "kind":
                self.kinds.setdefault(said["name"], {}).update(said)

    def pytest_sessionfinish(self) -> None:
        """Write the table where every kind has passed every test; leave it as it is where some did not run."""
        rows = [self.kinds.get(name, {}) for name in next((k["of"] for k in self.kinds.values() if "of" in k), ())]
        if not rows or not all({"unharmed", "finding", "patched", "healthy"} <= row.keys() for row in rows):
            return
        lines = [f"| {r['name']} | ✓ | `{r['finding']}` | `{r['patched']}` | ✓ |\n" for r in rows]
        text = self.page.read_text()
        before, _, rest = text.partition(BEGIN)
        after = rest[rest.index(END) :]
        if (new := before + BEGIN + HEAD + "".join(lines) + after) != text:
            self.page.write_text(new)
