"""How findings are combined: causes before consequences, and no error if parts of a record are missing."""

from functools import partial
from math import nan

import pytest
from records import STEPS, change, healthy, observe, probe, set_series
from sick_dynamics import (
    clipping_too_hard,
    momentum_mismatch,
    oscillation,
    overfitting,
    slow_progress,
    unstable,
    warm_start,
)
from sick_first_steps import no_gradient, no_step, no_zero_grad
from sick_layers import exploding_gradients, layer_rate_mismatch, plateau, saddle_point, vanishing_gradients
from sick_runs import RUNS, named
from sick_statics import (
    bad_initialisation,
    no_signal,
    outliers,
    saturated_units,
    strong_decay,
    sum_reduction,
    targets_not_scaled,
    unshuffled_data,
)
from sick_wiring import (
    bad_data,
    broadcasting,
    eval_mode,
    incorrect_gradients,
    negated_loss,
    output_before_loss,
    parameters_not_in_optimizer,
    refused_label,
)

from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.catalog import CATALOG, GENERAL
from descend.doctor.catalog.diagnosis import detect, diagnose, ids_to_check
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.problem import ECHOES

MISMATCH = {"function": "cross_entropy", "activation": "softmax"}


def symptom(name: str, *explains: str) -> Symptom:
    return Symptom(True, "", "", 0.0, 0.0, "", explains=frozenset(explains), id=name, kind="dynamics")


def test_a_consequence_is_not_reported_next_to_its_cause():
    a, b, c = symptom("a", "b"), symptom("b"), symptom("c")
    assert unexplained_symptoms([a, b, c]) == [a, c]
    assert unexplained_symptoms([]) == []


def test_indirect_consequences_are_not_reported_either():
    a, b, c, d = symptom("a", "b"), symptom("b", "c"), symptom("c", "d"), symptom("d")
    assert unexplained_symptoms([a, b, c, d]) == [a]
    # Each problem of the chain was detected.
    assert unexplained_symptoms([b, c, d]) == [b] and unexplained_symptoms([a, c, d]) == [a, c]


def leaping() -> Record:
    """Return a run whose first step exceeds the stability limit, and whose later steps are just below it."""
    record = unstable()
    probe(record, "curvature", "0", [21.0] + [18.0] * 19)
    return record


def test_an_ignored_cause_hides_no_consequence():
    assert "oscillation" not in [s.id for s in unexplained_symptoms(diagnose(leaping()))]
    assert "oscillation" in [s.id for s in unexplained_symptoms(diagnose(leaping(), ignore=["instability"]))]


def test_consequences_are_those_that_were_detected():
    found = diagnose(leaping())
    assert [s.id for s in found] == ["instability", "oscillation", "ill_conditioned_curvature"]
    assert found[0].explains == {"oscillation", "ill_conditioned_curvature"}


def test_of_two_problems_that_explain_each_other_the_first_is_the_cause():
    record = plateau(left=0.99)
    set_series(record, "gradient_norm", "", [1e-4] * 15 + [9e-3] * 5)
    saddle, flat = diagnose(record, select=["plateau", "saddle_point"])
    assert (saddle.id, saddle.explains) == ("saddle_point", {"plateau"})
    assert (flat.id, flat.explains) == ("plateau", frozenset())


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_consequences_come_after_their_cause(run):
    record, names = _shown(run), list(CATALOG)
    found = diagnose(record)
    assert [s.id for s in found] == sorted((s.id for s in found), key=names.index)
    shown = GENERAL | {s.id for s in found}  # General symptoms are detected after all others.
    assert all(seen.explains == detect(seen.id, record).explains & shown for seen in found)


def test_bad_data_hide_all_symptoms_that_depend_on_the_loss():
    record = slow_progress()
    set_series(record, "loss", "0", [*record.series("loss", "0").values[:-1], nan])
    observe(record, facts.BadData("inputs", values=1, nan=1, examples=1, of=32), "", STEPS - 1)
    assert [s.id for s in unexplained_symptoms(diagnose(record))] == ["bad_data"]


GRAVE = (bad_data, no_step, parameters_not_in_optimizer, no_gradient, incorrect_gradients, negated_loss)
GRAVE += (refused_label, broadcasting, no_signal)


@pytest.mark.parametrize("run", GRAVE, ids=named)
def test_a_fatal_mistake_hides_its_general_consequences(run):
    found, names = detect(RUNS[run], run()), list(CATALOG)
    assert found.explains >= ECHOES
    assert all(names.index(found.id) < names.index(echo) for echo in ECHOES)


def test_causes_and_consequences_form_no_cycle():
    names = list(CATALOG)
    for number, entry in enumerate(CATALOG.values()):
        assert entry.consequences <= set(names[number + 1 :]), entry.id
    for symptom in (detect(name, _shown(run)) for run, name in RUNS.items()):
        assert symptom.explains <= set(names[names.index(symptom.id) + 1 :]), symptom.id


def test_problems_are_detected_in_the_order_of_the_catalog():
    names = list(CATALOG)
    assert ids_to_check([], []) == names
    assert ids_to_check(["plateau", "bad_data"], []) == ["bad_data", "plateau"]
    assert ids_to_check([], ["plateau"]) == [name for name in names if name != "plateau"]
    assert ids_to_check(["plateau"], ["plateau"]) == []


def _shown(run) -> Record:
    return run(**MISMATCH) if run is output_before_loss else run()


def test_every_symptom_has_a_run_that_shows_it():
    assert set(RUNS.values()) == set(CATALOG)
    assert {detect(name, _shown(run)).id for run, name in RUNS.items()} == set(CATALOG)


def test_wiring_comes_before_everything_else():
    kinds = [entry.kind for entry in CATALOG.values()]
    assert kinds[: kinds.count("wiring")] == ["wiring"] * kinds.count("wiring")


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_a_symptom_has_its_catalog_id_and_a_source(run):
    found = detect(RUNS[run], _shown(run))
    assert found.id == RUNS[run] and found.explains <= set(CATALOG) and found.id not in found.explains
    assert found.source and found.quantity and found.where is not None


TOGETHER = [  # run with the cause, changes that add a consequence, the ids that are reported
    (no_zero_grad, unstable, "no_zero_grad"),
    (sum_reduction, unstable, "sum_reduction"),
    (momentum_mismatch, unstable, "momentum_mismatch"),
    (unshuffled_data, unstable, "unshuffled_data"),
    (eval_mode, unstable, "eval_mode"),
    (eval_mode, bad_initialisation, "eval_mode"),
    (no_signal, strong_decay, "no_signal"),
    (no_signal, clipping_too_hard, "no_signal"),
    (no_signal, overfitting, "no_signal"),
    (outliers, targets_not_scaled, "outliers"),
    (targets_not_scaled, clipping_too_hard, "targets_not_scaled"),
    (saturated_units, bad_initialisation, "saturated_units"),
    (warm_start, unstable, "warm_start"),
    (layer_rate_mismatch, unstable, "layer_rate_mismatch"),
    (exploding_gradients, unstable, "exploding_gradients"),
    (unstable, oscillation, "instability"),
    (negated_loss, output_before_loss, "negated_loss"),
    (broadcasting, output_before_loss, "broadcasting"),
    (no_gradient, vanishing_gradients, "frozen_or_detached"),
    (parameters_not_in_optimizer, no_gradient, "parameters_not_in_optimizer"),
]


@pytest.mark.parametrize("cause, effect, left", TOGETHER, ids=named)
def test_a_cause_hides_its_consequence(cause, effect, left):
    found = [detect(RUNS[run], _shown(run)) for run in (cause, effect)]
    assert [s.id for s in unexplained_symptoms(found)] == [left]


def test_a_saddle_point_hides_slow_progress():
    record = saddle_point(first=1e-5, grows=100.0)
    change(record, facts.Optimizer, "0", rule="Adam", betas=(0.9, 0.999))
    assert [s.id for s in unexplained_symptoms(diagnose(record))] == ["saddle_point"]


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS, ids=named)
def test_detection_works_without_any_single_measurement(run):
    record, look = _shown(run), partial(detect, RUNS[run])
    for known in (record.readings, record.facts):
        for key in list(known):
            kept = known.pop(key)
            look(record)
            known[key] = kept
    for key, (steps, values) in list(record.readings.items()):
        for several in ([float("nan")] * len(steps), [float("inf"), *values[1:]], values[:1]):
            record.readings[key] = (steps[: len(several)], several)
            look(record)
        record.readings[key] = (steps, values)
    record.sites.clear()
    assert look(record).where is None or look(record).module
    record.ending = None
    look(record)


def test_a_healthy_run_has_no_symptom_with_any_optimizer():
    for rule in ("Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Rprop", "LBFGS", "SomebodysOwn"):
        assert diagnose(healthy(**{"rule": rule, "betas": (0.9, 0.999)})) == [], rule
