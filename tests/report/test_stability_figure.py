"""The figure of α·λmax with the stability limit."""

from descend.doctor.record import Fact, Reading, Record, facts
from descend.doctor.report.stability_figure import stability_figure


def test_the_curvature_spread_on_a_logarithmic_axis_has_no_negative_end():
    record = Record()
    record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=1.0), 0, "0"))
    for step, (value, low, high) in enumerate([(1e3, 9e2, 2e3), (1.0, -5.0, 3.0), (0.1, 0.05, 0.2)]):
        record.add(Reading("learning_rate", "0", step, 1.0))
        for end, number in (("", value), ("_low", low), ("_high", high)):
            record.add(Reading(f"curvature{end}", "0", step, number))
    (panel,) = stability_figure(record).panels
    spread, loss_curve = panel.traces
    assert panel.y["type"] == "log" and loss_curve["y"] == [1e3, 1.0, 0.1]
    assert spread["y"] == [9e2, 1.0, 0.05, 0.2, 3.0, 2e3]
