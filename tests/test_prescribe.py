"""The table's rows: every one can be dosed, and a change is prescribed once."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "symptoms"))

from records import add_site, change, healthy, observe, rising, set_cost
from sick_metric import printing
from sick_runs import RUNS, look
from sick_statics import inputs_not_normalised, no_signal
from sick_wiring import detached, moved_examples, no_step, output_before_loss
from test_dimension_doses import DIMENSIONS
from test_doses import AMOUNTS, CHOICES, RATES, SYMPTOM, with_curvature
from test_place_doses import altered, on_all_ways, unusual
from test_several_labels import several_labels

from descend.doctor.canon import CANON
from descend.doctor.canon.prescribe import in_turn, possible, prescribe
from descend.doctor.record import Record, facts
from descend.doctor.remedies import Change, NotApplicable
from descend.doctor.script.script import Script


def treatable() -> Iterator[Record]:
    """Runs of many kinds: for each row of the table there is one that it can be dosed from."""
    yield from (record for _, record, _ in RATES + AMOUNTS + CHOICES + DIMENSIONS)
    yield from (altered(), on_all_ways(), unusual(), several_labels(), moved_examples(dimensions=4))


ROWS = [(entry.id, row) for entry in CANON.values() for row in entry.rows]


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[f"{id}-{row.remedy}" for id, row in ROWS])
def test_every_rows_label_is_filled_in_from_its_dose(row):
    found = [dose for record in treatable() if (dose := row.dose(record, SYMPTOM)) is not None]
    labels = {row.label.format(**dose) for dose in found}
    assert labels and not any("{" in label or "nan" in label or "None" in label for label in labels)
    assert row.why and row.source


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_what_a_run_shows_can_be_dosed_from_that_run(run):
    record = output_before_loss(function="cross_entropy", activation="softmax") if run is output_before_loss else run()
    symptom = CANON[RUNS[run]].look(record)
    for row in CANON[symptom.id].rows:
        dose = row.dose(record, symptom)
        assert dose is None or "{" not in row.label.format(**dose)


def test_an_edit_that_fails_takes_no_other_with_it(monkeypatch, tmp_path):
    def fails(script, record, dose):
        raise RecursionError("too deep")

    record = no_step()
    [first, *_] = prescribe(record, [CANON["no_step"].look(record)])
    monkeypatch.setattr(f"descend.doctor.remedies.{first.remedies[0]}.{first.remedies[0]}", fails)
    found = first.apply(Script(tmp_path / "train.py", tmp_path))
    assert isinstance(found, NotApplicable) and "RecursionError: too deep" in found.reason


def test_the_same_change_is_prescribed_once_for_each_symptom():
    record = with_curvature(25.0)
    set_cost(record, rising)
    symptoms = [SYMPTOM, look(next(run for run in RUNS if RUNS[run] == "plateau"))]
    found = prescribe(record, symptoms)
    assert len(found) == len({(p.symptom, p.label) for p in found}) and found[0].label == "learning rate 0.1 → 0.04"
    assert [p.symptom for p in found if p.label == "Adam, lr 0.001"] == [symptom.id for symptom in symptoms]


def test_nothing_is_prescribed_where_there_is_nothing_to_learn():
    assert prescribe(healthy(), [look(no_signal)]) == []


def test_a_prescription_can_be_had_at_another_rate():
    """A dose that is a rate is given anew; any other change gets the rate beside it, and costs one number more."""
    record = with_curvature(25.0)
    set_cost(record, rising)
    by_label = {p.label: p for p in prescribe(record, [SYMPTOM])}
    rate, adam = by_label["learning rate 0.1 → 0.04"], by_label["Adam, lr 0.001"]
    assert rate.at_rate(3.0).label == "learning rate 0.1 → 0.1" and rate.at_rate(3.0).cost == rate.cost
    assert adam.at_rate(10.0).label == "Adam, lr 0.01" and adam.at_rate(10.0).remedies == ("adaptive_rule",)
    inputs = look(inputs_not_normalised)
    other = next(p for p in prescribe(inputs_not_normalised(), [inputs]) if p.remedies == ("standardise_inputs",))
    assert (
        other.at_rate(3.0).remedies == ("standardise_inputs", "learning_rate")
        and other.at_rate(3.0).cost == other.cost + 1
    )
    assert other.at_rate(3.0).label.startswith("standardise inputs, learning rate ")


def test_a_change_that_leaves_the_rule_alone_can_be_had_with_adam():
    inputs = look(inputs_not_normalised)
    by_remedy = {"+".join(p.remedies): p for p in prescribe(inputs_not_normalised(), [inputs])}
    scaled = by_remedy["standardise_inputs"]
    both = scaled.with_adam(3.0)
    assert both.remedies == ("standardise_inputs", "adaptive_rule") and both.cost == scaled.cost + 3
    assert both.label == "standardise inputs, Adam, lr 0.03"  # that run ended after 100 steps
    assert by_remedy["adaptive_rule"].with_adam is None
    adaptive = inputs_not_normalised()
    change(adaptive, facts.Optimizer, "0", rule="Adam")
    assert all(p.with_adam is None for p in prescribe(adaptive, [inputs]))


def test_what_is_wired_wrong_is_mended_without_another_rate():
    assert all(not p.tunes for p in prescribe(no_step(), [look(no_step)])) and prescribe(no_step(), [look(no_step)])


def test_of_several_that_are_searched_each_has_its_turn():
    record = on_all_ways()
    each = [
        prescribe(record, [replace(SYMPTOM, id=name)]) for name in ("unreadable", "unbalanced_terms", "wrong_objective")
    ]
    ranked = in_turn(each, record)
    assert [p.symptom for p in ranked[:6]] == 2 * ["unreadable", "unbalanced_terms", "wrong_objective"]
    assert len({p.key for p in ranked}) == len(ranked) and {p.key for p in ranked} == {p.key for e in each for p in e}


def test_of_one_list_each_line_has_its_turn():
    record = healthy()
    for number, line in enumerate((7, 7, 7, 8, 9, 8)):
        add_site(record, "on_inputs", str(number), line, "")
    edit = prescribe(no_step(), [look(no_step)])[0]
    edits = [replace(edit, label=str(n), at=("on_inputs", str(n))) for n in range(6)]
    beside = replace(edit, label="of no line")
    assert [p.label for p in in_turn([[*edits, beside]], record)] == ["0", "3", "4", "of no line", "1", "5", "2"]


def test_what_cannot_be_made_takes_nobodys_turn(tmp_path):
    script = Script(tmp_path / "train.py", tmp_path)

    def making(label, text):
        made = NotApplicable("no such line") if text is None else script.edit(script.path, text)
        return replace(edit, label=label, changes=(Change(label, lambda script: made),))

    edit = prescribe(no_step(), [look(no_step)])[0]
    asked = [making("a", "x = 1"), making("b", None), making("c", "x = 1"), making("d", "x = 2"), making("e", "x = 3")]
    assert [p.label for p in possible(asked, script, 2)] == ["a", "d"]
    assert [p.label for p in possible(asked, script, 9)] == ["a", "d", "e"]


def test_no_call_is_edited_that_only_the_scripts_own_loss_would_judge():
    """It can be made any number by that."""
    record, unreadable = on_all_ways(), replace(SYMPTOM, id="unreadable")
    assert prescribe(record, [unreadable])
    for name, place in [key for key in record.readings if key[0] == "yardstick"]:
        del record.readings[name, place]
    assert not prescribe(record, [unreadable])


@pytest.mark.parametrize(
    ("name", "rises", "is_held_out", "evaluates", "given", "behind"),
    [
        ("test accuracy", True, True, False, True, True),
        ("accuracy", True, None, False, False, True),  # of the pass that is trained on: what it is given shows in it
        ("accuracy", True, None, True, True, True),
        ("rmse", False, None, False, False, False),  # and an error may be made by what makes the loss
        ("rmse", False, None, True, True, True),
        ("training rmse", False, False, False, False, False),
    ],
)
def test_an_edit_is_judged_by_what_is_made_elsewhere(name, rises, is_held_out, evaluates, given, behind):
    record = printing(name, (0.5, 0.4), 0.6, rises=rises, is_held_out=is_held_out)
    observe(record, facts.OnInputs(function="roll", line=19, edit="skip", feeds=True), "0")
    observe(record, facts.OnFetched(function="roll", line=20, edit="skip"), "0")
    observe(record, facts.OnLoss(function="roll", line=21, edit="skip", feeds=False), "0")
    observe(record, facts.OnInputs(function="flip", line=30, edit="skip", feeds=False), "1")  # of the targets
    if evaluates:
        add_site(record, "evaluation", "0", 40, "")
    asked = prescribe(record, [replace(SYMPTOM, id=id) for id in ("unreadable", "wrong_objective")])
    at = {p.at for p in asked if p.at}
    assert (("on_inputs", "0") in at, ("on_fetched", "0") in at) == (given, given)
    assert (("on_inputs", "1") in at, ("on_loss", "0") in at) == (behind, behind)


@pytest.mark.parametrize(("is_recorded", "judged_on"), [(True, "fixed"), (False, "training")])
def test_a_cut_graph_is_judged_by_the_training_s_own_losses_where_nothing_is_recorded(is_recorded, judged_on):
    record = detached()
    if not is_recorded:
        for place in record.places("yardstick"):
            del record.readings["yardstick", place]
    found = {p.remedies[0]: p.judged_on for p in prescribe(record, [CANON["frozen_or_detached"].look(record)])}
    assert found["attach"] == found["unfreeze"] == judged_on
