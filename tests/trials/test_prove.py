"""The search for a proof, over runs whose outcome is known."""

import math
from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, proved, record_of, refuse, tried, verdicts, with_baseline

from descend.doctor.record import Ending, Fact, Record, facts
from descend.doctor.remedies import Change
from descend.doctor.script.plan import Plan
from descend.doctor.trials.reproduce import check_reproduction


def test_two_remedies_may_help_only_together():
    """Each of the two problems alone keeps the cost high, so the remedy of one shows no gain."""
    a, b, c = (prescription(text, text) for text in ("a", "b", "c"))
    outcomes = {"pass": 1.0, "a": 0.95, "b": 0.97, "c": 1.3, "ab": 0.1, "ba": 0.1, "ac": 0.99, "bc": 0.99}
    stuck = record_of(1.0)
    stuck.add(Fact.of(facts.Targets("int64", 256, 0, 2, classes_seen=3, entropy=1.0, unseen_entropy=1.0), 0))
    proof = proved([lambda refuted: [], lambda refuted: [a, b, c]], Table(outcomes, baseline=stuck))
    assert proof.fix.label == "a + b" and proof.confirmed == {"a", "b"} and not proof.rejected & {"a", "b"}
    for baseline, stages in ((stuck, 1), (record_of(1.0), 2)):  # In the second case, no problem is certain.
        alone = proved([lambda refuted: [a, b, c]] * stages, Table(outcomes, baseline=baseline))
        assert alone.fix is None


@pytest.mark.parametrize(("named", "tried"), [(0.1, {"named"}), (0.95, {"named", "general"})])
def test_searches_are_tried_if_no_remedy_of_a_known_problem_wins(named, tried):
    specific, general = prescription("named", "a"), prescription("general", "b")
    stages = [lambda refuted: [specific], lambda refuted: [specific, general]]
    table = Table({"pass": 1.0, "named": named, "general": 0.2})
    proof = proved(stages, table)
    assert set(verdicts(proof)) == tried and proof.fix.label == max(tried, key=len)
    screens = [job for job in table.jobs if job.seed == 0]
    assert len(screens) == len(tried)  # No edit is tried twice.


def test_a_better_rival_does_not_reject_a_remedy_that_removes_most_of_the_failure():
    outcomes = {"scale": 0.1, "adam": 0.04, "faint": 0.7}
    adam = prescription("adam", decides=False, cost=3)
    assert tried(outcomes, [prescription("scale"), adam])[0].confirmed == {"s"}
    assert tried(outcomes, [prescription("faint"), adam])[0].confirmed == frozenset()


def test_a_neutral_remedy_neither_confirms_nor_rejects_a_suspicion():
    neutral = prescription("drop", neutral=True, cost=3)
    assert tried({"faint": 0.7, "drop": 0.04}, [prescription("faint"), neutral])[0].confirmed == {"s"}
    assert tried({"faint": 1.0, "drop": 0.04}, [prescription("faint"), neutral])[0].confirmed == frozenset()


def test_the_winner_is_confirmed_on_fresh_seeds():
    proof, table = tried({"good": 0.1, "weak": 0.7}, [prescription("good"), prescription("weak")])
    assert verdicts(proof) == {"good": "proved", "weak": "helps"}
    assert proof.fix.seeds == (1, 2, 3, 4, 5) and proof.fix.after < 0.2
    assert proof.confirmed == {"s"}
    assert {job.seed for job in table.jobs} == {0, 1, 2, 3, 4, 5}


def test_the_cheapest_of_equally_good_remedies_is_taken():
    dear, cheap = prescription("dear", cost=3), prescription("cheap", cost=1)
    proof, _ = tried({"dear": 0.1, "cheap": 0.11}, [dear, cheap])
    assert proof.fix.label == "cheap"
    proof, _ = tried({"dear": 0.01, "cheap": 0.11}, [dear, cheap])
    assert proof.fix.label == "dear"


def test_there_may_be_no_remedy_that_helps():
    proof, _ = tried({"a": 0.95, "b": 3.0}, [prescription("a"), prescription("b")])
    assert proof.fix is None and proof.confirmed == frozenset()
    assert verdicts(proof) == {"a": "no_effect", "b": "worse"}


def test_a_suspicion_is_rejected_if_another_remedy_is_clearly_better():
    inputs = [prescription("standardise", "inputs"), prescription("rate", "inputs", decides=False, cost=1)]
    rate = prescription("rate", "instability", cost=1)
    table = Table({"pass": 1.0, "standardise": 0.7, "rate": 0.1})
    proof = proved([lambda refuted: [rate] if "inputs" in refuted else inputs], table)
    assert proof.confirmed == {"instability"}
    assert proof.fix.label == "rate" and proof.fix.symptom == "instability"


def test_a_remedy_that_helps_on_one_seed_is_tried_with_the_remedy_of_a_fact():
    class Unlucky(Table):
        def answer(self, job):
            lucky, text = job.seed == 0, job.script.edits[SCRIPT.path].strip()
            return record_of(0.01 if lucky else 1.0, job.seed, job.steps) if text == "scale" else super().answer(job)

    asked = [replace(prescription("sigmoid", "output"), of_fact=True), prescription("scale", "inputs")]
    table = Unlucky({"pass": 1.0, "sigmoid": 1.0, "scalesigmoid": 0.1})
    proof, _ = tried({}, asked, table=table)
    assert verdicts(proof) == {"sigmoid": "no_effect", "scale": "not_proved", "scale + sigmoid": "proved"}
    assert proof.fix.remedies == ("scale", "sigmoid")


def test_a_baseline_that_diverges_before_its_evaluation_counts_as_diverged():
    class Early(Table):
        def answer(self, job):
            record = super().answer(job)
            if job.seed > 0 and job.script.edits[SCRIPT.path].strip() == "pass":
                del record.readings["metric", "negative_log_likelihood"]
                record.ending = None
            return record

    proof, _ = tried(
        {}, [prescription("calm")], baseline=record_of(math.inf), table=Early({"pass": math.inf, "calm": 0.1})
    )
    assert verdicts(proof) == {"calm": "proved"}


def test_two_problems_need_exactly_two_remedies():
    a, b = prescription("a", "one"), prescription("b", "two")
    proof, _ = tried({"a": 0.5, "b": 0.6, "ab": 0.05}, [a, b])
    assert proof.fix.remedies == ("a", "b") and proof.fix.label == "a + b"
    proof, _ = tried({"a": 0.1, "b": 0.6, "ab": 0.09}, [a, b])
    assert proof.fix.remedies == ("a",)


@pytest.mark.parametrize(("both", "taken"), [(0.02, ("a", "f")), (0.035, ("a", "f")), (0.2, ("a",))])
def test_the_remedy_of_a_fact_is_added_if_it_does_no_harm(both, taken):
    """Alone it shows no gain, because another problem hides it. Without it almost nothing is left to gain."""
    fact = replace(prescription("f", "wired"), of_fact=True)
    proof, _ = tried({"a": 0.03, "f": 0.98, "af": both}, [prescription("a", "one"), fact])
    assert proof.fix.remedies == taken


def test_a_gain_of_one_seed_is_not_proved():
    class Lucky(Table):
        def answer(self, job):
            record = super().answer(job)
            return record if job.seed == 0 else record_of(1.0 + 0.02 * job.seed, job.seed, job.steps)

    proof, _ = tried({}, [prescription("lucky")], table=Lucky({"pass": 1.0, "lucky": 0.1}))
    assert verdicts(proof) == {"lucky": "not_proved"} and "fresh seeds" in proof.trials[0].reason


def test_consequences_of_an_unconfirmed_suspicion_are_tried():
    """The learning rate helps on one seed only. The cliff that it would explain has its own remedy."""

    class Lucky(Table):
        def answer(self, job):
            is_lucky = "rate" in job.script.edits[SCRIPT.path] and job.seed == 0
            return super().answer(job) if not is_lucky else record_of(0.1, job.seed, job.steps)

    rate, clip = prescription("rate", "instability"), prescription("clip", "cliff")
    table = Lucky({"pass": 1.0, "rate": 0.98, "clip": 0.2})
    proof = proved([lambda refuted: [clip] if "instability" in refuted else [rate]], table)
    assert verdicts(proof) == {"rate": "not_proved", "clip": "proved"} and proof.confirmed == {"cliff"}


def test_an_unconfirmed_remedy_confirms_none_of_its_symptoms():
    """Adam is the same edit for two symptoms. The remedy of the third symptom is confirmed."""

    class Lucky(Table):
        def answer(self, job):
            is_lucky = "adam" in job.script.edits[SCRIPT.path] and job.seed == 0
            return super().answer(job) if not is_lucky else record_of(0.1, job.seed, job.steps)

    def prescribe(rejected):
        known = [prescription("adam", "drift"), prescription("adam", "ravine"), prescription("momentum", "slow")]
        return [next(p for p in known if p.symptom not in rejected)]

    proof = proved([prescribe], Lucky({"pass": 1.0, "adam": 0.98, "momentum": 0.3}))
    assert verdicts(proof) == {"adam": "not_proved", "momentum": "proved"} and proof.confirmed == {"slow"}
    assert proof.rejected == {"drift", "ravine"}


def test_the_third_best_is_tried_if_the_first_two_fail():
    class Lucky(Table):
        def answer(self, job):
            text = job.script.edits[SCRIPT.path].strip()
            return record_of(0.04, job.seed, job.steps) if job.seed == 0 and text in ("a", "b") else super().answer(job)

    three = [prescription("a", "one"), prescription("b", "two"), prescription("c", "three", decides=False)]
    proof, _ = tried({}, three, table=Lucky({"pass": 1.0, "a": 0.98, "b": 0.98, "c": 0.4}))
    assert verdicts(proof)["c"] == "proved" and proof.confirmed == {"three"}


def test_an_open_gain_is_tried_on_five_more_seeds():
    def answer(job):
        record = Table.answer(table, job)
        if "restart" in job.script.edits[SCRIPT.path]:
            record = record_of(0.05 if job.seed % 3 != 1 else 0.9, job.seed, job.steps)
        return record

    table = Table({"pass": 1.0, "restart": 0.05})
    table.answer = answer
    proof, _ = tried({}, [prescription("restart")], table=table)
    assert len(proof.trials[0].seeds) == 10 and verdicts(proof) == {"restart": "proved"}


class Killed(Table):
    """Runs that the operating system kills if their text says so."""

    def answer(self, job):
        record = super().answer(job)
        if "huge" in job.script.edits[SCRIPT.path]:
            record.ending = Ending("killed", 137, 3)
        return record


def test_a_killed_trial_counts_as_failed_and_not_as_worse():
    proof, _ = tried({}, [prescription("huge")], table=Killed({"pass": 1.0, "huge": 0.1}))
    assert proof.trials[0].verdict == "failed" and "killed by signal 9" in proof.trials[0].reason


def test_a_failed_trial_has_a_reason():
    refusing = replace(prescription("a"), changes=(Change("a", refuse("the model is built in a library")),))
    proof, table = tried({}, [refusing])
    assert verdicts(proof) == {"a": "failed"} and proof.trials[0].reason == "the model is built in a library"
    assert table.jobs == []


def test_without_an_evaluation_metric_nothing_is_tried():
    baseline = Record()
    baseline.add(Ending("window", 0, 100))
    proof, table = tried({"a": 0.1}, [prescription("a")], baseline)
    assert "could be recorded and replayed" in proof.trials[0].reason and table.jobs == [] and proof.fix is None


def test_any_finite_trial_run_fixes_a_diverged_baseline():
    proof, _ = tried({"pass": math.nan, "a": 0.4}, [prescription("a")], record_of(math.nan))
    assert proof.fix is not None and proof.fix.before == math.inf


@pytest.mark.parametrize("same", [True, False])
def test_reproduction_compares_the_weights(same):
    proof, table = tried({"a": 0.1}, [prescription("a")])
    table.outcomes["a"] = 0.1 if same else 0.2
    proof = check_reproduction(with_baseline(table, record_of(1.0, reason="finished")), proof)
    assert proof.reproduced is same and ("its trial's weights, bit for bit" in proof.verified) == same


def test_the_remedy_of_a_fact_is_preferred_to_a_workaround():
    mend, bear = replace(prescription("mend"), of_fact=True), prescription("bear", "other", cost=1)
    proof, _ = tried({"mend": 0.02, "bear": 0.01}, [mend, bear])
    assert proof.fix.label == "mend"
    proof, _ = tried({"mend": 0.7, "bear": 0.01, "bearmend": 0.9}, [mend, bear])
    assert proof.fix.label == "bear"


def test_a_suspicion_without_a_trial_is_not_dismissed():
    refusing = replace(prescription("b", "two"), changes=(Change("b", refuse("it is in a library")),))
    proof, _ = tried({"a": 0.95}, [prescription("a", "one"), refusing])
    assert proof.rejected == {"one", "two"} and proof.dismissed == {"one"}


def test_a_suspicion_with_an_open_trial_is_not_dismissed():
    class Unsure(Table):
        def answer(self, job):
            lucky = "a" in job.script.edits[SCRIPT.path].split() and job.seed % 2 == 0
            return record_of(0.05, job.seed, job.steps) if lucky else super().answer(job)

    proof, _ = tried({}, [prescription("a", "one")], table=Unsure({"pass": 1.0, "a": 1.6}))
    trial = proof.trials[0]
    assert (trial.verdict, trial.left_open) == ("not_proved", True) and "more seeds could" in trial.reason
    assert proof.dismissed == frozenset()


def test_an_edit_that_no_trial_can_compare_is_kept_but_not_run():
    hidden = replace(prescription("mask", "leak"), of_fact=True, judged_on="nothing")
    proof, table = tried({}, [hidden])
    assert verdicts(proof) == {"mask": "failed"} and not table.jobs and proof.fix is None
    assert "+mask" in proof.trials[0].patch and "no trial can measure this fix" in proof.trials[0].reason


def test_an_edit_whose_script_fails_is_not_kept():
    class Failing(Table):
        def answer(self, job):
            record = super().answer(job)
            record.ending = Ending("failed", 1, 3, error="ValueError: no")
            return record

    proof, _ = tried({}, [prescription("a")], table=Failing({"pass": 1.0, "a": 0.1}))
    assert verdicts(proof) == {"a": "failed"} and not proof.trials[0].patch


def test_the_reported_seeds_are_those_used():
    class Unsure(Table):
        def answer(self, job):
            lucky = "a" in job.script.edits[SCRIPT.path].split() and job.seed % 2 == 0
            return record_of(0.05, job.seed, job.steps) if lucky else super().answer(job)

    table = Unsure({"pass": 1.0, "a": 1.6}, Plan(jobs=1, seeds=2))
    proof, _ = tried({}, [prescription("a")], table=table)
    changed = [job.seed for job in table.jobs if "a" in job.script.edits[SCRIPT.path].split()]
    assert changed == [0, 1, 2, 3, 4] and proof.trials[0].seeds == (1, 2, 3, 4)  # Two seeds did not decide.


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "after 100 steps"),
        ({"times": 4}, "after 100 steps, or 400 steps with the change, 4 times as many"),
        (
            {"smaller_batch": 4.0},
            "after 100 steps, or 400 steps with the change, on as many examples",
        ),
    ],
)
def test_the_metric_states_what_both_scripts_share(changes, says):
    proof, _ = tried({"far": 0.01}, [replace(prescription("far"), **changes)])
    assert proof.fix is not None and proof.fix.metric.endswith(says)
