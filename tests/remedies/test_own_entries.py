import pytest

from descend.doctor.record import Site
from descend.doctor.remedies.own_entries import own_entries


def crossed(patient, text: str, code: str):
    """Return a script whose run showed that `code` applies the index of each example to all examples."""
    p = patient(text)
    line = next(n for n, each in enumerate(text.splitlines(), 1) if code in each)
    column = text.splitlines()[line - 1].index(code)
    p.record.sites.append(Site("order_dependence", "0", str(p.script.path), line, column, line, column + len(code)))
    return p


@pytest.mark.parametrize(
    ("code", "after"),
    [
        ("p[:, y]", "p.gather(1, y.unsqueeze(1)).squeeze(1)"),
        ("net(x)[:, f(y)]", "net(x).gather(1, f(y).unsqueeze(1)).squeeze(1)"),
        ("p[:, y - 1]", "p.gather(1, (y - 1).unsqueeze(1)).squeeze(1)"),
    ],
)
def test_the_entries_of_each_example_are_gathered(patient, code: str, after: str) -> None:
    assert crossed(patient, f"loss = -{code}.mean()\n", code).edited(own_entries) == f"loss = -{after}.mean()\n"


@pytest.mark.parametrize("code", ["p[y]", "p[:9, y]", "p[:, y, 0]", "p[:, 1:]"])
def test_other_indices_are_left(patient, code: str) -> None:
    refusal = crossed(patient, f"loss = -{code}.mean()\n", code).refusal(own_entries)
    assert refusal == "line 1 does not index the second dimension of all examples"
