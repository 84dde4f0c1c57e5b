import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.out_of_place import out_of_place


def changing(patient, text: str, code: str):
    """Return a script whose run showed that `code` changes stored rows in place."""
    p = patient(text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if code in each)
    column = text.splitlines()[line - 1].index(code)
    p.record.sites.append(Site("taken_rows", "changed", str(p.script.path), line, column, line, column + len(code)))
    return p


@pytest.mark.parametrize(
    ("text", "code", "after"),
    [
        ("row = x[i].add_(noise)\n", "x[i].add_(noise)", "row = x[i].add(noise)\n"),
        (
            "rows = [(r[0].mul_(2), r[1]) for r in rows]\n",
            "r[0].mul_(2)",
            "rows = [(r[0].mul(2), r[1]) for r in rows]\n",
        ),
        ("row += 0.1 * noise  # more\n", "row += 0.1 * noise", "row = row + (0.1 * noise)  # more\n"),
        ("row *= a + b\n", "row *= a + b", "row = row * (a + b)\n"),
    ],
)
def test_a_new_tensor_takes_the_place_of_the_changed_one(patient, text: str, code: str, after: str) -> None:
    assert changing(patient, text, code).edited(out_of_place) == after


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("row.add_(noise)\n", "does not use the value"),
        ("torch.add(row, noise, out=row)\n", "does not use the value"),
        ("x[i] += noise\n", "no operator that changes a variable"),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    assert reason in changing(patient, text, text.strip()).refusal(out_of_place)
