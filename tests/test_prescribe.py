"""Remedy entries: arguments can be chosen for each entry, and each edit is prescribed once."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent / "symptoms"))
sys.path.insert(0, str(Path(__file__).parent / "remedy_arguments"))

from records import add_site, change, healthy, observe, rising, set_cost
from sick_batches import (
    different_rows,
    examples_not_drawn,
    few_rows,
    ignored_class,
    inverted_weights,
    left_loop,
    moved_examples,
    order_dependence,
    shifted_twice,
    short_length,
    stored_examples_changed,
)
from sick_dynamics import squared_rate
from sick_first_steps import cut_by_checkpoint, no_step
from sick_held import copy_not_updated, own_weights
from sick_metric import printing
from sick_runs import RUNS, look
from sick_statics import inputs_not_normalised, no_signal
from sick_wiring import detached, output_before_loss
from test_argument_choices import CHOICES
from test_argument_values import AMOUNTS, RATES, SYMPTOM, with_curvature
from test_dimension_arguments import DIMENSIONS
from test_several_labels import several_labels
from test_site_arguments import all_calls, altered, unusual

from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.catalog.prescribe import first_applicable, interleave, prescribe
from descend.doctor.record import Record, facts
from descend.doctor.remedies import REMEDIES, Change, NotApplicable
from descend.doctor.remedies.arguments import NoArguments, arguments_for
from descend.doctor.script.script import Script


def treatable() -> Iterator[Record]:
    """Yield records of many kinds of runs, so that each remedy entry applies to at least one."""
    yield from (record for _, record, _ in RATES + AMOUNTS + CHOICES + DIMENSIONS)
    yield from (altered(), all_calls(), unusual(), several_labels(), moved_examples(dimensions=4))
    yield from (examples_not_drawn(), examples_not_drawn(empty=3, passes=1))
    yield from (own_weights(), copy_not_updated(decay=0.9999), different_rows(), shifted_twice())
    yield from (copy_not_updated(update=14), left_loop(), short_length(), stored_examples_changed())
    yield order_dependence("pairs")
    yield from (few_rows(), cut_by_checkpoint(), squared_rate(), inverted_weights(), ignored_class())
    yield from (images(), squared_error_of_sigmoids())


def images() -> Record:
    record = healthy()
    change(record, facts.Inputs, shape=(40, 1, 8, 8), first_layer="conv2d")
    return record


def squared_error_of_sigmoids() -> Record:
    return output_before_loss(function="mse_loss", activation="sigmoid", low=0.0, high=1.0)


ROWS = [(entry.id, row) for entry in CATALOG.values() for row in entry.remedies]


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[f"{id}-{row.remedy}" for id, row in ROWS])
def test_the_label_of_each_remedy_entry_is_filled_in_with_its_arguments(row):
    found = [values for record in treatable() if (values := row.choose_values(record, SYMPTOM)) is not None]
    labels = {row.label.format(**values) for values in found}
    assert labels and not any("{" in label or "nan" in label or "None" in label for label in labels)
    assert row.why and row.source


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[f"{id}-{row.remedy}" for id, row in ROWS])
def test_each_remedy_entry_has_the_arguments_of_its_remedies(row):
    for record in treatable():
        values = row.choose_values(record, SYMPTOM)
        for remedy in row.remedies if values is not None else ():
            arguments_for(REMEDIES[remedy], values)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_arguments_can_be_chosen_for_the_run_that_shows_the_symptom(run):
    record = output_before_loss(function="cross_entropy", activation="softmax") if run is output_before_loss else run()
    symptom = detect(RUNS[run], record)
    for row in CATALOG[symptom.id].remedies:
        values = row.choose_values(record, symptom)
        assert values is None or "{" not in row.label.format(**values)


def test_an_edit_that_fails_does_not_stop_the_others(monkeypatch, tmp_path):
    def fails(script, record, arguments: NoArguments):
        raise RecursionError("too deep")

    record = no_step()
    [first, *_] = prescribe(record, [detect("no_step", record)])
    monkeypatch.setattr(f"descend.doctor.remedies.{first.remedies[0]}.{first.remedies[0]}", fails)
    with pytest.raises(NotApplicable, match="RecursionError: too deep"):
        first.apply(Script(tmp_path / "train.py", tmp_path))


def test_the_same_edit_is_prescribed_once_for_each_symptom():
    record = with_curvature(25.0)
    set_cost(record, rising)
    symptoms = [SYMPTOM, look(next(run for run in RUNS if RUNS[run] == "plateau"))]
    found = prescribe(record, symptoms)
    assert len(found) == len({(p.symptom, p.label) for p in found}) and found[0].label == "learning rate 0.1 → 0.04"
    assert [p.symptom for p in found if p.label == "Adam, lr 0.001"] == [symptom.id for symptom in symptoms]


def test_nothing_is_prescribed_if_there_is_nothing_to_learn():
    assert prescribe(healthy(), [look(no_signal)]) == []


def test_a_prescription_can_be_tried_at_another_learning_rate():
    """A prescribed learning rate is replaced; any other edit gets a learning rate in addition, at cost 1."""
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


def test_an_edit_that_keeps_the_optimizer_can_be_combined_with_adam():
    inputs = look(inputs_not_normalised)
    by_remedy = {"+".join(p.remedies): p for p in prescribe(inputs_not_normalised(), [inputs])}
    scaled = by_remedy["standardise_inputs"]
    both = scaled.with_adam(3.0)
    assert both.remedies == ("standardise_inputs", "adaptive_rule") and both.cost == scaled.cost + 3
    # The run ended after 100 steps, so the learning rate is larger.
    assert both.label == "standardise inputs, Adam, lr 0.03"
    assert by_remedy["adaptive_rule"].with_adam is None
    adaptive = inputs_not_normalised()
    change(adaptive, facts.Optimizer, "0", rule="Adam")
    assert all(p.with_adam is None for p in prescribe(adaptive, [inputs]))


def test_remedies_of_wiring_faults_do_not_tune_the_learning_rate():
    assert all(not p.tunes for p in prescribe(no_step(), [look(no_step)])) and prescribe(no_step(), [look(no_step)])


def test_the_first_edits_come_from_different_searches():
    record = all_calls()
    each = [
        prescribe(record, [replace(SYMPTOM, id=name)]) for name in ("unreadable", "unbalanced_terms", "wrong_objective")
    ]
    ranked = interleave(each, record)
    assert [p.symptom for p in ranked[:6]] == 2 * ["unreadable", "unbalanced_terms", "wrong_objective"]
    assert len({p.key for p in ranked}) == len(ranked) and {p.key for p in ranked} == {p.key for e in each for p in e}


def test_the_first_edits_of_a_list_are_in_different_lines():
    record = healthy()
    for number, line in enumerate((7, 7, 7, 8, 9, 8)):
        add_site(record, "on_inputs", str(number), line, "")
    edit = prescribe(no_step(), [look(no_step)])[0]
    edits = [replace(edit, label=str(n), at=("on_inputs", str(n))) for n in range(6)]
    without_line = replace(edit, label="of no line")
    assert [p.label for p in interleave([[*edits, without_line]], record)] == [
        "0",
        "3",
        "4",
        "of no line",
        "1",
        "5",
        "2",
    ]


def test_edits_that_do_not_apply_or_change_nothing_new_are_skipped(tmp_path):
    script = Script(tmp_path / "train.py", tmp_path)

    def making(label, text):
        def made(script):
            if text is None:
                raise NotApplicable("no such line")
            return script.edit(script.path, text)

        return replace(edit, label=label, changes=(Change(label, made),))

    edit = prescribe(no_step(), [look(no_step)])[0]
    edits = [making("a", "x = 1"), making("b", None), making("c", "x = 1"), making("d", "x = 2"), making("e", "x = 3")]
    assert [p.label for p in first_applicable(edits, script, 2)] == ["a", "d"]
    assert [p.label for p in first_applicable(edits, script, 9)] == ["a", "d", "e"]


def test_a_call_is_not_edited_if_only_the_script_loss_can_evaluate_the_edit():
    """The edit could set that loss to any value."""
    record, unreadable = all_calls(), replace(SYMPTOM, id="unreadable")
    assert prescribe(record, [unreadable])
    for name, place in [key for key in record.readings if key[0] == "metric"]:
        del record.readings[name, place]
    assert not prescribe(record, [unreadable])


@pytest.mark.parametrize(
    ("name", "rises", "is_held_out", "evaluates", "on_inputs", "on_loss"),
    [
        ("test accuracy", True, True, False, True, True),
        # The metric is computed in the training pass, so an edit of the inputs changes it.
        ("accuracy", True, None, False, False, True),
        ("accuracy", True, None, True, True, True),
        ("rmse", False, None, False, False, False),  # An edit of the loss also changes an error metric.
        ("rmse", False, None, True, True, True),
        ("training rmse", False, False, False, False, False),
    ],
)
def test_an_edit_needs_a_metric_that_is_computed_elsewhere(name, rises, is_held_out, evaluates, on_inputs, on_loss):
    record = printing(name, (0.5, 0.4), 0.6, rises=rises, is_held_out=is_held_out)
    observe(record, facts.OnInputs(function="roll", line=19, edit="skip", feeds=True), "0")
    observe(record, facts.OnFetched(function="roll", line=20, edit="skip"), "0")
    observe(record, facts.OnLoss(function="roll", line=21, edit="skip", feeds=False), "0")
    observe(record, facts.OnInputs(function="flip", line=30, edit="skip", feeds=False), "1")  # a call on the targets
    if evaluates:
        add_site(record, "evaluation", "0", 40, "")
    prescribed = prescribe(record, [replace(SYMPTOM, id=id) for id in ("unreadable", "wrong_objective")])
    at = {p.at for p in prescribed if p.at}
    assert (("on_inputs", "0") in at, ("on_fetched", "0") in at) == (on_inputs, on_inputs)
    assert (("on_inputs", "1") in at, ("on_loss", "0") in at) == (on_loss, on_loss)


@pytest.mark.parametrize(("is_recorded", "judged_on"), [(True, "fixed"), (False, "training")])
def test_a_detached_graph_is_evaluated_by_training_losses_if_no_other_metric_is_recorded(is_recorded, judged_on):
    record = detached()
    if not is_recorded:
        for place in record.places("metric"):
            del record.readings["metric", place]
    found = {p.remedies[0]: p.judged_on for p in prescribe(record, [detect("frozen_or_detached", record)])}
    assert found["attach"] == found["unfreeze"] == judged_on
