"""How findings are put together: causes first, consequences under them, and nothing that stumbles over a gap."""

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
    no_gradient,
    no_step,
    no_zero_grad,
    output_before_loss,
    parameters_not_in_optimizer,
    refused_label,
)

from descend.doctor.canon import CANON, GENERAL
from descend.doctor.canon.diagnosis import chosen, diagnose
from descend.doctor.canon.entry import ECHOES
from descend.doctor.record import Record, facts
from descend.doctor.symptoms import Symptom, causes

MISMATCH = {"function": "cross_entropy", "activation": "softmax"}


def symptom(name: str, *explains: str) -> Symptom:
    return Symptom(True, "", "", 0.0, 0.0, "", explains=frozenset(explains), id=name, kind="dynamics")


def test_what_an_earlier_one_explains_is_folded_under_it():
    a, b, c = symptom("a", "b"), symptom("b"), symptom("c")
    assert causes([a, b, c]) == [a, c]
    assert causes([]) == []


def test_what_a_consequence_explains_is_folded_with_it():
    a, b, c, d = symptom("a", "b"), symptom("b", "c"), symptom("c", "d"), symptom("d")
    assert causes([a, b, c, d]) == [a]
    assert causes([b, c, d]) == [b] and causes([a, c, d]) == [a, c]  # each link was seen


def leaping() -> Record:
    """A step over the stability bound at first, and just below it ever after."""
    record = unstable()
    probe(record, "curvature", "0", [21.0] + [18.0] * 19)
    return record


def test_a_cause_that_is_not_looked_for_hides_nothing():
    assert "oscillation" not in [s.id for s in causes(diagnose(leaping()))]
    assert "oscillation" in [s.id for s in causes(diagnose(leaping(), ignore=["instability"]))]


def test_consequences_are_those_that_were_seen():
    found = diagnose(leaping())
    assert [s.id for s in found] == ["instability", "oscillation", "ill_conditioned_curvature"]
    assert found[0].explains == {"oscillation", "ill_conditioned_curvature"}


def test_of_two_that_explain_each_other_the_first_is_the_cause():
    record = plateau(left=0.99)
    set_series(record, "gradient_norm", "", [1e-4] * 15 + [9e-3] * 5)
    saddle, flat = diagnose(record, select=["plateau", "saddle_point"])
    assert (saddle.id, saddle.explains) == ("saddle_point", {"plateau"})
    assert (flat.id, flat.explains) == ("plateau", frozenset())


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_consequences_come_after_their_cause(run):
    record, names = _shown(run), list(CANON)
    found = diagnose(record)
    assert [s.id for s in found] == sorted((s.id for s in found), key=names.index)
    shown = GENERAL | {s.id for s in found}  # what is general is asked after all others
    assert all(seen.explains == CANON[seen.id].look(record).explains & shown for seen in found)


def test_data_that_are_not_finite_hide_everything_that_is_read_off_the_loss():
    record = slow_progress()
    set_series(record, "loss", "0", [*record.series("loss", "0").values[:-1], nan])
    observe(record, facts.BadData("inputs", values=1, nan=1, examples=1, of=32), "", STEPS - 1)
    assert [s.id for s in causes(diagnose(record))] == ["bad_data"]


GRAVE = (bad_data, no_step, parameters_not_in_optimizer, no_gradient, incorrect_gradients, negated_loss)
GRAVE += (refused_label, broadcasting, no_signal)


@pytest.mark.parametrize("run", GRAVE, ids=named)
def test_a_grave_mistake_makes_news_of_nothing_else(run):
    found, names = CANON[RUNS[run]].look(run()), list(CANON)
    assert found.explains >= ECHOES
    assert all(names.index(found.id) < names.index(echo) for echo in ECHOES)


def test_causes_and_consequences_make_no_circle():
    names = list(CANON)
    for number, entry in enumerate(CANON.values()):
        assert entry.consequences <= set(names[number + 1 :]), entry.id
    for symptom in (CANON[name].look(_shown(run)) for run, name in RUNS.items()):
        assert symptom.explains <= set(names[names.index(symptom.id) + 1 :]), symptom.id


def test_ids_are_looked_for_in_the_order_of_the_catalogue():
    names = list(CANON)
    assert chosen([], []) == names
    assert chosen(["plateau", "bad_data"], []) == ["bad_data", "plateau"]
    assert chosen([], ["plateau"]) == [name for name in names if name != "plateau"]
    assert chosen(["plateau"], ["plateau"]) == []


def _shown(run) -> Record:
    return run(**MISMATCH) if run is output_before_loss else run()


def test_every_symptom_has_a_run_that_shows_it():
    assert set(RUNS.values()) == set(CANON)
    assert {CANON[name].look(_shown(run)).id for run, name in RUNS.items()} == set(CANON)


def test_wiring_comes_before_everything_else():
    kinds = [entry.kind for entry in CANON.values()]
    assert kinds[: kinds.count("wiring")] == ["wiring"] * kinds.count("wiring")


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_a_symptom_is_named_as_in_the_catalogue_and_tells_where_it_comes_from(run):
    found = CANON[RUNS[run]].look(_shown(run))
    assert found.id == RUNS[run] and found.explains <= set(CANON) and found.id not in found.explains
    assert found.source and found.quantity and found.where is not None


TOGETHER = [  # a cause's run, what else is wrong with it, what is left once consequences are folded
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
    found = [CANON[RUNS[run]].look(_shown(run)) for run in (cause, effect)]
    assert [s.id for s in causes(found)] == [left]


def test_a_saddle_point_is_more_than_slow():
    record = saddle_point(first=1e-5, grows=100.0)
    change(record, facts.Optimizer, "0", rule="Adam", betas=(0.9, 0.999))
    assert [s.id for s in causes(diagnose(record))] == ["saddle_point"]


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS, ids=named)
def test_a_gap_in_the_record_is_no_stumbling_block(run):
    record, look = _shown(run), CANON[RUNS[run]].look
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


def test_a_healthy_run_under_every_kind_of_rule_has_no_symptom():
    for rule in ("Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Rprop", "LBFGS", "SomebodysOwn"):
        assert diagnose(healthy(**{"rule": rule, "betas": (0.9, 0.999)})) == [], rule
