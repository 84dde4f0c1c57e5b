"""How findings are put together: causes first, consequences under them, and nothing that stumbles over a gap."""

import pytest
from records import healthy, set_fact
from sick_dynamics import momentum_mismatch, unstable
from sick_layers import saddle_point, vanishing_gradients
from sick_runs import RUNS, named
from sick_statics import sum_reduction, unshuffled_data
from sick_wiring import eval_mode, no_gradient, no_zero_grad, output_before_loss, parameters_not_in_optimizer

from descend.record import Record
from descend.symptoms import SYMPTOMS, Symptom, causes, chosen, diagnose

MISMATCH = {"function": "cross_entropy", "activation": "softmax"}


def symptom(name: str, *explains: str) -> Symptom:
    return Symptom(name, "dynamics", True, 0.9, "", "", 0.0, 0.0, "", explains=frozenset(explains))


def test_what_an_earlier_one_explains_is_folded_under_it():
    a, b, c = symptom("a", "b"), symptom("b"), symptom("c")
    assert causes([a, b, c]) == [a, c]
    assert causes([]) == []


def test_a_cause_that_is_not_looked_for_hides_nothing():
    record = unstable(curvature=25.0)
    assert "oscillation" not in [s.id for s in causes(diagnose(record))]
    assert "oscillation" in [s.id for s in causes(diagnose(record, ignore=["instability"]))]


def test_consequences_are_those_that_were_seen():
    found = diagnose(unstable(curvature=25.0))
    assert [s.id for s in found] == ["instability", "oscillation", "ill_conditioned_curvature"]
    assert found[0].explains == {"oscillation"}


def test_ids_are_looked_for_in_the_order_of_the_catalogue():
    names = list(SYMPTOMS)
    assert chosen([], []) == names
    assert chosen(["plateau", "bad_data"], []) == ["bad_data", "plateau"]
    assert chosen([], ["plateau"]) == [name for name in names if name != "plateau"]
    assert chosen(["plateau"], ["plateau"]) == []


def kinds_in_order() -> list[tuple[str, str]]:
    seen = [SYMPTOMS[name](_shown(run)) for run, name in RUNS.items()]
    kinds = {s.id: s.kind for s in seen if s is not None}
    return [(name, kinds[name]) for name in SYMPTOMS]


def _shown(run) -> Record:
    return run(**MISMATCH) if run is output_before_loss else run()


def test_every_symptom_has_a_run_that_shows_it():
    assert set(RUNS.values()) == set(SYMPTOMS)
    assert [name for name, _ in kinds_in_order()] == list(SYMPTOMS)


def test_wiring_comes_before_everything_else():
    kinds = [kind for _, kind in kinds_in_order()]
    assert kinds[: kinds.count("wiring")] == ["wiring"] * kinds.count("wiring")


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_a_symptom_is_named_as_in_the_catalogue_and_tells_where_it_comes_from(run):
    found = SYMPTOMS[RUNS[run]](_shown(run))
    assert found.id == RUNS[run] and found.explains <= set(SYMPTOMS) and found.id not in found.explains
    assert found.source and found.quantity and found.where is not None and 0 < found.confidence <= 1


TOGETHER = [  # a cause's run, what else is wrong with it, what is left once consequences are folded
    (no_zero_grad, unstable, "no_zero_grad"),
    (sum_reduction, unstable, "sum_reduction"),
    (momentum_mismatch, unstable, "momentum_mismatch"),
    (unshuffled_data, unstable, "unshuffled_data"),
    (eval_mode, unstable, "eval_mode"),
    (no_gradient, vanishing_gradients, "frozen_or_detached"),
    (parameters_not_in_optimizer, no_gradient, "parameters_not_in_optimizer"),
]


@pytest.mark.parametrize("cause, effect, left", TOGETHER, ids=named)
def test_a_cause_hides_its_consequence(cause, effect, left):
    found = [SYMPTOMS[RUNS[run]](run()) for run in (cause, effect)]
    assert [s.id for s in causes(found)] == [left]


def test_a_saddle_point_is_more_than_slow():
    record = saddle_point(first=1e-5, grows=100.0)
    set_fact(record, "optimizer", "0", **{"class": "Adam", "betas": [0.9, 0.999]})
    assert [s.id for s in causes(diagnose(record))] == ["saddle_point"]


@pytest.mark.parametrize("run", RUNS, ids=named)
def test_a_gap_in_the_record_is_no_stumbling_block(run):
    record, look = _shown(run), SYMPTOMS[RUNS[run]]
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
        assert diagnose(healthy(**{"class": rule, "betas": [0.9, 0.999]})) == [], rule
