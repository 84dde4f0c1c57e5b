import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.copy_rows import copy_rows

ROW = "class Rows:\n    def __getitem__(self, i):\n        row = self.rows[i]\n        row += 1\n        return row\n"


def taken(patient, text: str, code: str):
    """Return a script whose run showed that the rows which `code` takes are changed."""
    p = patient(text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if code in each)
    column = text.splitlines()[line - 1].index(code)
    p.record.sites.append(Site("taken_rows", "stored", str(p.script.path), line, column, line, column + len(code)))
    return p


@pytest.mark.parametrize(
    ("text", "code", "method", "after"),
    [
        (ROW, "self.rows[i]", "copy", ROW.replace("[i]\n", "[i].copy()\n")),
        ("a, b = x[i : i + 8], y[i]\n", "x[i : i + 8]", "clone", "a, b = x[i : i + 8].clone(), y[i]\n"),
        ("f(x[0].add_(1))\n", "x[0]", "clone", "f(x[0].clone().add_(1))\n"),
    ],
)
def test_the_rows_are_copied(patient, text: str, code: str, method: str, after: str) -> None:
    assert taken(patient, text, code).edited(copy_rows, method=method) == after


def test_refusals_say_why(patient) -> None:
    assert "did not show where" in patient("x = 1\n").refusal(copy_rows, method="copy")
    assert "assigns the rows" in taken(patient, "x[i] += 1\n", "x[i]").refusal(copy_rows, method="copy")
