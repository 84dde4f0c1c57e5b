"""Values of an earlier run are reused only for the same surface."""

import json
import math
from dataclasses import asdict

import pytest

from descend.core.page_data import END, TAG
from descend.doctor.measure.shown.surface import _EarlierValues, as_surface_values

OF = [0.25, 1 / 3, -1.0, 1.0]
VALUES = {(0, 0): 1.5, (64, 64): math.inf, (128, 0): math.nan}


def left(tmp_path, *views) -> _EarlierValues:
    page = tmp_path / "page.html"
    page.write_text(f"<html>{TAG}{json.dumps({'views': views}, allow_nan=False)}{END}</html>")
    return _EarlierValues.read(str(page))


def test_stored_values_are_read_unchanged_even_if_not_finite(tmp_path) -> None:
    found = left(tmp_path, {"of": [*OF, "inf"], **asdict(as_surface_values(VALUES.items()))}).values_of(0, [*OF, "inf"])
    assert found.keys() == VALUES.keys() and found[0, 0] == 1.5
    assert math.isinf(found[64, 64]) and math.isnan(found[128, 0])


@pytest.mark.parametrize("other", [[0.26, *OF[1:]], OF[:-1], [*OF[:-1], "nan"]])
def test_values_of_another_surface_are_not_reused(other, tmp_path) -> None:
    known = left(tmp_path, {"of": OF, **asdict(as_surface_values(VALUES.items()))})
    assert known.values_of(0, other) == {} and known.has(0)
    assert known.values_of(0, [value * (1 + 1e-12) for value in OF]) != {}  # the same, added up in another order


def test_a_missing_view_has_no_values(tmp_path) -> None:
    assert left(tmp_path).values_of(0, OF) == {} and not left(tmp_path).has(0)
    assert _EarlierValues.read(str(tmp_path / "none.html")).values_of(0, OF) == {}
    (tmp_path / "page.html").write_text(f"{TAG}[1, 2]{END}")
    assert not _EarlierValues.read(str(tmp_path / "page.html")).has(0)
