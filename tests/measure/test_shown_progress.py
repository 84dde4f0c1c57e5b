"""The progress of the measurements of `descend lab`, and the line that shows it."""

from types import SimpleNamespace

import pytest

from descend.doctor.measure.shown import progress
from descend.doctor.measure.shown.points import Point
from descend.doctor.record import Fact, Record, facts
from descend.lab.script_page import _progress_message


def test_products_are_reported_twice_a_second_and_limited(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    record, point = Record(), Point(0, "first", (), {}, None)
    counter = progress.Progress(SimpleNamespace(report=record.add), point, "density", 100)
    allowed = []
    for products in range(1, 101):
        now[0] += 0.125
        allowed.append(counter.add(products))
    assert allowed == [True] * 99 + [False]
    seen = [each.fact for each in record.history(facts.Measuring, "first")]
    assert seen[0] == facts.Measuring("density") and len(seen) == 26
    assert all(each.seconds == pytest.approx(0.125 * each.done) and each.most == 100 for each in seen[1:])


@pytest.mark.parametrize(
    ("measuring", "shown"),
    [
        (facts.Measuring("density"), "step 0; density at last"),
        (
            facts.Measuring("density", 40, 100, 8.0),
            "step 0; density at last: 40 of at most 100 products, at most 12 s left",
        ),
        (facts.Measuring(""), "step 0"),
    ],
)
def test_the_line_shows_how_long_a_measurement_takes_at_most(measuring, shown):
    record = Record()
    record.add(Fact.of(measuring, 0, "last"))
    assert _progress_message(record) == shown
