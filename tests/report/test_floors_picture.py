"""The floors along the graph, what passes of the gradient, and the script's own numbers, as data."""

from dataclasses import replace

from descend.doctor.record import Fact, Reading, Record, Site, facts
from descend.doctor.report.floors_picture import floors
from descend.doctor.report.own_picture import own_numbers

FLOORS = [("Linear", 7, 2.2), ("sign", 9, 0.1), ("Linear", 8, 0.01)]
CROSSING = facts.Crossing(
    function="sign",
    line=9,
    edit="skip",
    before=2.2,
    behind=0.1,
    constant=2.3,
    in_head=False,
    has_parameters=False,
)
PASSING = facts.OnNetwork(function="sigmoid", line=5, edit="skip", passes=0.01)


def blocked(*, cost: float = 2.3, crossing: bool = True) -> Record:
    """A run whose second call bars the way."""
    record = Record(script="train.py")
    whole = facts.Reachability(cost=cost, constant=2.3, unbounded=False, is_compared=True, examples=64)
    record.add(Fact.of(whole, 40))
    for place, (function, line, floor) in enumerate(FLOORS):
        record.add(Site("floor", str(place), "train.py", line, "", "", line))
        record.add(Fact.of(facts.Floor(function, floor, is_output=place == 2), 40, str(place)))
    if crossing:
        record.add(Fact.of(CROSSING, 40, "0"))
    return record


def test_every_call_has_its_floor_and_its_line():
    [panel] = floors(blocked()).panels
    [bars] = panel.traces
    assert bars["y"] == ["line 7: Linear", "line 9: sign", "line 8: Linear (the output)"]
    assert bars["x"] == [2.2, 0.1, 0.01]
    assert bars["marker"]["color"] == ["cause", "faint", "faint"]  # what stands before the call that bars the way
    assert [(shape["x0"], shape["line"]["dash"]) for shape in panel.shapes] == [(2.3, "dash"), (2.3, "dot")]
    assert panel.x["range"][1] > 2.3


def test_without_a_call_that_bars_the_way_no_floor_stands_out():
    [panel] = floors(blocked(crossing=False)).panels
    assert set(panel.traces[0]["marker"]["color"]) == {"faint"}


def test_what_passes_of_the_gradient_stands_below():
    record = blocked()
    record.add(Fact.of(replace(PASSING, function="Sigmoid"), 0, "0"))
    figure = floors(record)
    below = figure.panels[-1]
    assert len(figure.panels) == 2 and below.traces[0]["x"] == [0.01] and below.traces[0]["y"] == ["Sigmoid"]
    assert "passes the call" in figure.caption


def test_calls_of_one_line_stay_apart():
    record = Record(script="train.py")
    for place in ("0", "1"):
        record.add(Fact.of(PASSING, 0, place))
    assert floors(record).panels[0].traces[0]["y"] == ["sigmoid (1)", "sigmoid (2)"]


def test_nothing_measured_is_no_picture():
    assert floors(Record(script="train.py")) is None and own_numbers(Record(script="train.py")) is None


def printing() -> Record:
    record = Record(script="train.py")
    told = facts.OwnNumber(rises=True, is_share=True, is_loss=False, is_held_out=True)
    record.add(Fact.of(told, 0, "test accuracy"))
    for step, value in ((10, 0.1), (20, 0.12)):
        record.add(Reading("own_number", "test accuracy", step, value))
        record.add(Reading("loss", "0", step, 2.0 - step / 20))
    return record


def test_own_numbers_stand_above_the_cost():
    above, below = own_numbers(printing()).panels
    assert above.title == "test accuracy, as the script prints it" and above.traces[0]["y"] == [0.1, 0.12]
    assert [key.label for key in above.keys] == ["larger is better"] and below.title == "Training loss"


def test_what_they_are_without_learning_is_drawn():
    record = printing()
    record.add(Fact.of(facts.Untrained(0.1), 0, "test accuracy"))
    record.add(Reading("yardstick", "squared_error", 20, 0.5))
    above, below = own_numbers(record).panels
    assert [shape["y0"] for shape in above.shapes] == [0.1] and below.title == "Cost of fixed examples"
