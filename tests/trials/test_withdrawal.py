"""A fact is withdrawn if all of its remedies make the run clearly worse, unless a fix should raise the cost."""

from dataclasses import replace

import pytest
from tables import Table, prescription, proved, record_of

from descend.doctor.record import Fact, Reading, Record, facts


def of_fact(text, symptom="fact", **changes):
    """Return the remedy of a fact that can be tried at other learning rates, as `text@factor`."""
    plain = replace(prescription(text, symptom), of_fact=True, **changes)
    return replace(plain, tunes=False, at_rate=lambda factor: replace(plain, label=f"{text}@{factor:g}"))


def at_rates(text, values):
    """Return a remedy with another text for each learning rate."""
    plain = of_fact(text)

    def at_rate(factor):
        return replace(prescription(f"{text}@{factor:g}", "fact"), of_fact=True)

    outcomes = {f"{text}@{factor:g}": value for factor, value in values.items()}
    return replace(plain, at_rate=at_rate), outcomes


def learned(value=0.08) -> Record:
    record = record_of(value)
    record.add(Fact.of(facts.Targets("int64", 256, 0, 2, classes_seen=3, entropy=1.0, unseen_entropy=1.0), 0))
    return record


def withdrawn(outcomes, prescriptions, baseline=None):
    table = Table({"pass": 0.08, **outcomes}, baseline=baseline or learned())
    return proved([lambda refuted: prescriptions], table), table


def test_a_fact_is_withdrawn_if_each_remedy_is_clearly_worse_at_every_learning_rate():
    proof, _ = withdrawn({"a": 5.4, "b": 0.9}, [of_fact("a"), of_fact("b")])
    assert proof.withdrawn == {"fact"} and "fact" in proof.dismissed and proof.unproved_fix is None
    [trial] = [trial for trial in proof.trials if trial.refutes]
    assert trial.label == "b" and trial.verdict == "worse" and len(trial.seeds) >= 5  # It is the best of all.


@pytest.mark.parametrize("value", [0.08, 0.01])
def test_a_remedy_that_is_no_worse_keeps_its_fact(value):
    proof, table = withdrawn({"a": 5.4, "b": value}, [of_fact("a"), of_fact("b")])
    assert not proof.withdrawn
    assert {job.seed for job in table.jobs} == {0} or proof.fix  # No further runs are made.


def test_another_learning_rate_may_rescue_a_remedy():
    slow, outcomes = at_rates("slow", {0.1: 0.9, 10.0: 0.07, 0.01: 1.0, 100.0: 5.0})
    assert not withdrawn({"slow": 0.9, **outcomes}, [slow])[0].withdrawn
    slow, outcomes = at_rates("slow", {0.1: 0.9, 10.0: 0.7, 0.01: 1.0, 100.0: 5.0})
    assert withdrawn({"slow": 0.9, **outcomes}, [slow])[0].withdrawn == {"fact"}


def test_a_problem_that_lowers_the_cost_is_not_withdrawn():
    assert not withdrawn({"a": 5.4}, [of_fact("a", flatters=True)])[0].withdrawn


def test_the_scripts_own_loss_withdraws_nothing():
    def own(value):
        record = learned(value)
        record.readings = {key: readings for key, readings in record.readings.items() if key[0] != "metric"}
        record.add(Reading("metric", "loss", 100, value))
        return record

    class Own(Table):
        def answer(self, job):
            return own(super().answer(job).series("metric", "negative_log_likelihood").last)

    table = Own({"pass": 0.08, "a": 5.4}, baseline=own(0.08))
    assert not proved([lambda refuted: [of_fact("a")]], table).withdrawn


def test_a_remedy_that_could_not_be_compared_keeps_its_fact():
    class Fails(Table):
        def answer(self, job):
            record = super().answer(job)
            if job.script.edits[next(iter(job.script.edits))].strip() == "b":
                record.ending = replace(record.ending, reason="failed", error="ValueError: no")
            return record

    table = Fails({"pass": 0.08, "a": 5.4, "b": 1.0}, baseline=learned())
    assert not proved([lambda refuted: [of_fact("a"), of_fact("b")]], table).withdrawn


def test_two_small_costs_withdraw_nothing():
    assert not withdrawn({"a": 0.05}, [of_fact("a")], baseline=learned(0.001))[0].withdrawn


@pytest.mark.parametrize("may_memorise", [False, True])
@pytest.mark.parametrize("unseen", [None, 1.0, 0.1])
def test_a_gain_with_uninformative_inputs_is_memorisation(may_memorise, unseen):
    class Evaluates(Table):
        def answer(self, job):
            record = super().answer(job)
            is_changed = job.script.edits[next(iter(job.script.edits))].strip() != "pass"
            if unseen is not None:
                cost = unseen if is_changed else 1.0
                record.add(Reading("evaluation_metric", "negative_log_likelihood", 100, cost))
            return record

    longer = replace(prescription("longer"), may_memorise=may_memorise)
    proof = proved([lambda refuted: [longer]], Evaluates({"pass": 1.0, "longer": 0.1}))
    assert (proof.fix is None) is (may_memorise and unseen != 0.1)
