"""The figures of the lowest reachable losses and of the logged metrics, as data for Plotly."""

from dataclasses import replace

from descend.doctor.record import Fact, Reading, Record, Site, facts
from descend.doctor.report.logged_metric_figure import logged_metrics_figure
from descend.doctor.report.reachable_loss_figure import reachable_loss_figure

FLOORS = [("Linear", 7, 2.2), ("sign", 9, 0.1), ("Linear", 8, 0.01)]
CROSSING = facts.Crossing(
    function="sign",
    line=9,
    edit="skip",
    before=2.2,
    after=0.1,
    constant=2.3,
    in_head=False,
    has_parameters=False,
)
PASSING = facts.OnNetwork(function="sigmoid", line=5, edit="skip", passes=0.01)


def blocked(*, cost: float = 2.3, crossing: bool = True) -> Record:
    """Return the record of a run whose second call blocks the signal."""
    record = Record(script="train.py")
    whole = facts.Reachability(cost=cost, constant=2.3, unbounded=False, is_compared=True, examples=64)
    record.add(Fact.of(whole, 40))
    for place, (function, line, floor) in enumerate(FLOORS):
        record.add(Site("floor", str(place), "train.py", line, "", "", line))
        record.add(Fact.of(facts.Floor(function, floor, is_output=place == 2), 40, str(place)))
    if crossing:
        record.add(Fact.of(CROSSING, 40, "0"))
    return record


def test_every_call_has_its_lowest_loss_and_its_line():
    [panel] = reachable_loss_figure(blocked()).panels
    [bars] = panel.traces
    assert bars["y"] == ["line 7: Linear", "line 9: sign", "line 8: Linear (the output)"]
    assert bars["x"] == [2.2, 0.1, 0.01]
    assert bars["marker"]["color"] == [
        "cause",
        "faint",
        "faint",
    ]  # only the calls up to the blocking call are highlighted
    assert [(shape["x0"], shape["line"]["dash"]) for shape in panel.shapes] == [(2.3, "dash"), (2.3, "dot")]
    assert panel.x["range"][1] > 2.3


def test_without_a_blocking_call_no_bar_is_highlighted():
    [panel] = reachable_loss_figure(blocked(crossing=False)).panels
    assert set(panel.traces[0]["marker"]["color"]) == {"faint"}


def test_the_gradient_share_is_drawn_below_the_losses():
    record = blocked()
    record.add(Fact.of(replace(PASSING, function="Sigmoid"), 0, "0"))
    figure = reachable_loss_figure(record)
    below = figure.panels[-1]
    assert len(figure.panels) == 2 and below.traces[0]["x"] == [0.01] and below.traces[0]["y"] == ["Sigmoid"]
    assert "the call passes back" in figure.caption


def test_calls_of_one_line_have_distinct_labels():
    record = Record(script="train.py")
    for place in ("0", "1"):
        record.add(Fact.of(PASSING, 0, place))
    assert reachable_loss_figure(record).panels[0].traces[0]["y"] == ["sigmoid (1)", "sigmoid (2)"]


def test_without_measurements_there_is_no_figure():
    assert (
        reachable_loss_figure(Record(script="train.py")) is None
        and logged_metrics_figure(Record(script="train.py")) is None
    )


def printing() -> Record:
    record = Record(script="train.py")
    told = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)
    record.add(Fact.of(told, 0, "test accuracy"))
    for step, value in ((10, 0.1), (20, 0.12)):
        record.add(Reading("logged_metric", "test accuracy", step, value))
        record.add(Reading("loss", "0", step, 2.0 - step / 20))
    return record


def test_logged_metrics_are_drawn_above_the_loss():
    above, below = logged_metrics_figure(printing()).panels
    assert above.title == "test accuracy, as the script logs it" and above.traces[0]["y"] == [0.1, 0.12]
    assert [key.label for key in above.keys] == ["larger is better"] and below.title == "Training loss"


def test_the_untrained_value_of_a_metric_is_drawn():
    record = printing()
    record.add(Fact.of(facts.UntrainedMetric(0.1), 0, "test accuracy"))
    record.add(Reading("metric", "squared_error", 20, 0.5))
    above, below = logged_metrics_figure(record).panels
    assert [shape["y0"] for shape in above.shapes] == [0.1] and below.title == "Loss on fixed examples"
