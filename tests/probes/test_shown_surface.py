"""What an earlier run has left is taken up only where it is of the same surface."""

import json
import math
from dataclasses import asdict

import pytest

from descend.doctor.probes.shown.surface import _Kept, packed
from descend.ground.kept import END, TAG

OF = [0.25, 1 / 3, -1.0, 1.0]
VALUES = {(0, 0): 1.5, (64, 64): math.inf, (128, 0): math.nan}


def left(tmp_path, *views) -> _Kept:
    page = tmp_path / "page.html"
    page.write_text(f"<html>{TAG}{json.dumps({'views': views}, allow_nan=False)}{END}</html>")
    return _Kept.read(str(page))


def test_values_come_back_as_they_were_those_that_are_not_finite_too(tmp_path) -> None:
    found = left(tmp_path, {"of": [*OF, "inf"], **asdict(packed(VALUES.items()))}).of(0, [*OF, "inf"])
    assert found.keys() == VALUES.keys() and found[0, 0] == 1.5
    assert math.isinf(found[64, 64]) and math.isnan(found[128, 0])


@pytest.mark.parametrize("other", [[0.26, *OF[1:]], OF[:-1], [*OF[:-1], "nan"]])
def test_values_of_another_surface_stay_where_they_are(other, tmp_path) -> None:
    known = left(tmp_path, {"of": OF, **asdict(packed(VALUES.items()))})
    assert known.of(0, other) == {} and known.has(0)
    assert known.of(0, [value * (1 + 1e-12) for value in OF]) != {}  # the same, added up in another order


def test_where_there_is_no_such_view_there_are_no_values(tmp_path) -> None:
    assert left(tmp_path).of(0, OF) == {} and not left(tmp_path).has(0)
    assert _Kept.read(str(tmp_path / "none.html")).of(0, OF) == {}
    (tmp_path / "page.html").write_text(f"{TAG}[1, 2]{END}")
    assert not _Kept.read(str(tmp_path / "page.html")).has(0)
