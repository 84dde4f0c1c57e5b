"""The search for a learning rate, with the script's optimizer and with Adam."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.combine import merge_candidates
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.prove import prove


def with_rates(text: str, cost: int = 2, remedy: str = "", **named):
    """Return a prescription with other learning rates: "scale" at three times the rate is "scale 3"."""

    def at_rate(factor):
        return prescription(f"{text} {factor:g}", remedy=remedy, cost=cost + 1)

    return replace(prescription(text, remedy=remedy, cost=cost), at_rate=at_rate, **named)


def screened(table: Table) -> list[str]:
    return [job.script.edits[SCRIPT.path].strip() for job in table.jobs if job.seed == 0]


def test_the_learning_rate_is_tuned_once_a_remedy_helps():
    outcomes = {"scale": 0.3, "scale 3": 0.1, "scale 10": 5.0}
    proof, table = tried(outcomes, [with_rates("scale")])
    assert proof.fix.label == "scale 3" and proof.confirmed == {"s"}
    assert verdicts(proof) == {"scale": "helps", "scale 3": "proved", "scale 10": "worse"}
    assert [len(trial.seeds) for trial in proof.trials] == [5, 5, 1]
    assert screened(table) == ["scale", "scale 3", "scale 10"]


def test_the_learning_rate_rises_while_the_highest_is_the_best():
    outcomes = {"scale": 0.5, "scale 3": 0.3, "scale 10": 0.1, "scale 30": 0.01, "scale 100": 9.0}
    proof, _ = tried(outcomes, [with_rates("scale")])
    assert proof.fix.label == "scale 30" and "scale 100" in verdicts(proof)
    _, table = tried({**outcomes, "scale 10": 0.4}, [with_rates("scale")])
    assert not any("30" in job.script.edits[SCRIPT.path] for job in table.jobs)
    _, table = tried({**outcomes, "scale 10": 0.0005}, [with_rates("scale")])
    assert not any("30" in job.script.edits[SCRIPT.path] for job in table.jobs)


def test_a_small_gain_of_tuning_is_not_taken():
    proof, _ = tried({"scale": 0.3, "scale 3": 0.27, "scale 10": 0.3}, [with_rates("scale")])
    assert proof.fix.label == "scale"


def test_the_best_remedy_with_another_optimizer_is_tuned_too():
    """Adam is worse at its default learning rate and better at three times that."""
    outcomes = {"scale": 0.3, "scale 3": 0.4, "adam": 0.6, "adam 3": 0.05, "adam 10": 0.2}
    both = [with_rates("scale"), with_rates("adam", 3, "adaptive_rule")]
    proof, table = tried(outcomes, both)
    assert proof.fix.label == "adam 3" and verdicts(proof)["scale 3"] == "helps"
    assert screened(table) == ["scale", "adam", "scale 3", "adam 3", "adam 10"]
    _, table = tried({**outcomes, "scale": 0.009, "scale 3": 0.01}, both)
    assert screened(table) == ["scale", "adam", "scale 3"]  # The remaining cost is not worth another optimizer.


def test_a_remedy_for_another_symptom_is_not_tuned():
    other = replace(with_rates("adam", 3, "adaptive_rule"), symptom="other")
    _, table = tried({"scale": 0.3, "scale 3": 0.4, "adam": 0.6, "scaleadam": 0.3}, [with_rates("scale"), other])
    assert "adam 3" not in screened(table)


def test_adam_is_tried_with_the_best_remedy_if_no_optimizer_remedy_helps():
    def with_adam(factor):
        return prescription(f"scale, adam {factor:g}", remedy="scale+adaptive_rule", cost=5)

    scale = replace(with_rates("scale"), with_adam=with_adam)
    outcomes = {"scale": 0.3, "scale 3": 0.4, "scale, adam 1": 0.1, "scale, adam 3": 0.2}
    proof, table = tried(outcomes, [scale])
    assert proof.tuning.label == "scale, adam 1" and verdicts(proof)["scale, adam 1"] == "proved"
    assert screened(table) == ["scale", "scale 3", "scale, adam 1", "scale, adam 3"]
    proof, _ = tried({**outcomes, "scale, adam 1": 0.27, "scale, adam 3": 0.3}, [scale])
    assert proof.fix.label == "scale"  # A quarter is not worth another optimizer.


@pytest.mark.parametrize(("dear", "taken"), [(0.1, "dear"), (0.25, "cheap")])
def test_a_cheaper_edit_must_be_about_as_good_on_fresh_seeds_too(dear, taken):
    """With the script's own seed the cheap edit is within the margin of the expensive one."""

    class Lucky(Table):
        def answer(self, job):
            is_lucky = job.script.edits[SCRIPT.path].strip() == "dear" and job.seed == 0
            return super().answer(job) if not is_lucky else record_of(0.25, job.seed, job.steps)

    both = [prescription("cheap", cost=1), prescription("dear", cost=3)]
    proof, _ = tried({}, both, table=Lucky({"pass": 1.0, "cheap": 0.3, "dear": dear}))
    assert proof.fix.label == taken
    assert sorted(verdicts(proof).values()) == ["helps", "proved"]
    assert [len(trial.seeds) for trial in proof.trials] == [5, 5]


@pytest.mark.parametrize(
    ("redraws", "others", "taken"), [(True, 0.11, "cheap"), (True, 0.3, "dear"), (False, 0.11, "dear")]
)
def test_one_seed_does_not_reject_a_cheaper_edit_that_draws_other_weights(redraws, others, taken):
    """With the script's own seed the expensive edit is three times as good; with others it may be no better."""

    class Drawn(Table):
        def answer(self, job):
            is_other = job.script.edits[SCRIPT.path].strip() == "cheap" and job.seed != 0
            return super().answer(job) if not is_other else record_of(others, job.seed, job.steps)

    both = [replace(prescription("cheap", cost=1), redraws=redraws), prescription("dear", cost=3)]
    proof, table = tried({}, both, table=Drawn({"pass": 1.0, "cheap": 0.3, "dear": 0.1}))
    assert proof.fix.label == taken
    assert any(job.script.edits[SCRIPT.path].strip() == "cheap" and job.seed for job in table.jobs) is redraws


class Lucky(Table):
    """Answer "scale 3" with a gain on the script's own seed that no other seed shows."""

    def answer(self, job):
        is_lucky = job.script.edits[SCRIPT.path].strip() == "scale 3" and job.seed == 0
        return super().answer(job) if not is_lucky else record_of(0.01, job.seed, job.steps)


def test_unconfirmed_tuning_leaves_the_fix_as_it_is():
    proof, _ = tried({}, [with_rates("scale")], table=Lucky({"pass": 1, "scale": 0.3, "scale 3": 2, "scale 10": 3}))
    assert verdicts(proof) == {"scale": "proved", "scale 3": "not_proved", "scale 10": "worse"}
    assert proof.fix.label == "scale" and proof.confirmed == {"s"}


def test_confirmed_tuning_is_compared_with_the_untuned_fix():
    """On fresh seeds both are proved, and the untuned fix is the better one."""
    finished = record_of(1.0, reason="finished")
    outcomes = {"pass": 1, "scale": 0.1, "scale 3": 0.3, "scale 10": 3}
    proof, table = tried({}, [with_rates("scale")], finished, Lucky(outcomes))
    assert verdicts(proof) == {"scale": "proved", "scale 3": "helps", "scale 10": "worse"}
    assert proof.fix.label == "scale" and proof.trial_run.series("metric", "negative_log_likelihood").last == 0.1
    assert "no better" in next(trial.reason for trial in proof.trials if trial.label == "scale 3")
    unchanged = [job.seed for job in table.jobs if job.script is SCRIPT]
    assert unchanged == [1, 2, 3, 4, 5]  # The unchanged script runs once for both.


def test_no_rate_is_tuned_without_a_gain_or_without_anything_left_to_gain():
    table = tried({"scale": 0.001, "scale 3": 0.0001}, [with_rates("scale")])[1]
    assert len([job for job in table.jobs if job.seed == 0]) == 1
    table = tried({"scale": 0.95}, [with_rates("scale")])[1]
    assert len([job for job in table.jobs if job.seed == 0]) == 1
    table = tried({"scale": 0.3}, [with_rates("scale", judged_on="training")])[1]
    assert not any("3" in job.script.edits[SCRIPT.path] for job in table.jobs)


def test_a_lower_learning_rate_must_win_after_twice_the_steps_too():
    low = prescription("low", remedy="learning_rate")
    table = Table({"pass": 1.0, "low": 0.1})
    table.later = {"pass": 0.1, "low": 0.1}
    proof, _ = tried({}, [low], table=table)
    assert proof.fix is None and "twice as many steps" in proof.trials[0].reason
    finished = record_of(1.0, reason="finished")
    assert tried({}, [low], finished, Table({"pass": 1.0, "low": 0.1}))[0].fix is not None


def test_a_tuned_optimizer_must_win_after_twice_the_steps_too():
    outcomes = {"pass": 1.0, "adam": 0.5, "adam 3": 0.1, "adam 10": 0.2}
    table = Table(outcomes)
    table.later = {"pass": 0.4, "adam": 0.1, "adam 3": 0.5}
    proof, _ = tried({}, [with_rates("adam", 3, "adaptive_rule")], table=table)
    assert verdicts(proof)["adam 3"] == "not_proved" and proof.fix.label == "adam"


def test_a_combination_with_a_tuned_part_must_win_after_twice_the_steps_too():
    outcomes = {"pass": 1.0, "scale": 0.5, "scale 3": 0.2, "scale 10": 0.4, "f": 0.75, "scale 3f": 0.02}
    faults, table = [with_rates("scale"), prescription("f", "t")], Table(outcomes)
    assert tried({}, faults, table=table)[0].fix.label == "scale 3 + f"
    table.later = {"pass": 0.4, "scale 3f": 0.5, "scale 3": 0.5}
    proof, _ = tried({}, faults, table=table)
    assert "twice as many steps" in {trial.label: trial.reason for trial in proof.trials}["scale 3 + f"]


def tunable(text: str, symptom: str = "s", *, cost: int = 2, **named):
    """Return a prescription whose learning rate is a separate edit, which the fix's patch leaves out."""

    def at_rate(factor):
        return prescription(f"{text}\nrate {factor:g}", symptom, remedy=f"{text}+learning_rate", cost=cost + 1)

    return replace(prescription(text, symptom, remedy=text, cost=cost), at_rate=at_rate, **named)


RATES = {"scale\nrate 10": 5.0, "scale\nrate 30": 5.0}


def test_tuning_is_a_patch_of_its_own():
    proof, _ = tried({"scale": 0.1, "scale\nrate 3": 0.02, **RATES}, [tunable("scale")])
    assert (proof.fix.label, proof.tuning.label) == ("scale", "scale\nrate 3")
    assert verdicts(proof) == {"scale": "proved", "scale\nrate 3": "proved", "scale\nrate 10": "worse"}
    assert proof.fix.after == pytest.approx(0.1, abs=0.02) and len(proof.fix.seeds) == len(proof.tuning.seeds) == 5
    added = [line for line in proof.fix.patch.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    assert added == ["+scale"]
    added = [line for line in proof.tuning.patch.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    assert added == ["+rate 3"]  # It applies on top of the fix.
    assert proof.trial_run.series("metric", "negative_log_likelihood").last == 0.1


def test_a_fix_that_is_proved_alone_contains_no_tuning():
    proof, _ = tried({"scale": 0.75, "scale\nrate 3": 0.02, **RATES}, [tunable("scale")])
    assert (proof.fix.label, proof.tuning.label) == ("scale", "scale\nrate 3")
    assert verdicts(proof)["scale"] == verdicts(proof)["scale\nrate 3"] == "proved"


def test_tuning_with_a_small_gain_is_no_patch():
    class Lucky(Table):
        def answer(self, job):
            is_lucky = job.script.edits[SCRIPT.path].strip() == "scale\nrate 3" and job.seed == 0
            return super().answer(job) if not is_lucky else record_of(0.01, job.seed, job.steps)

    table = Lucky({"pass": 1.0, "scale": 0.1, "scale\nrate 3": 0.09, **RATES})
    proof, _ = tried({}, [tunable("scale")], table=table)
    assert proof.fix.label == "scale" and proof.tuning is None and verdicts(proof)["scale\nrate 3"] == "helps"


def test_a_fix_of_several_remedies_contains_no_tuning_either():
    outcomes = {"scale": 0.5, "scale\nrate 3": 0.2, **RATES, "f": 0.75, "scale\nrate 3f": 0.02, "scalef": 0.1}
    proof, _ = tried(outcomes, [tunable("scale"), prescription("f", "t")])
    assert (proof.fix.label, proof.tuning.label) == ("scale + f", "scale\nrate 3 + f")
    assert {verdicts(proof)[label] for label in ("scale + f", "scale\nrate 3 + f")} == {"proved"}


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_later_interruption_keeps_what_is_proved(interrupted):
    """The finding is known before the fix is compared with its rival."""

    class Stopped(Table):
        def run(self, jobs):
            if interrupted and any("rate" not in str(j.script.edits) and "scale" in str(j.script.edits) for j in jobs):
                if any(job.seed > 0 for job in jobs):
                    raise KeyboardInterrupt
            return super().run(jobs)

    table = Stopped({"pass": 1.0, "scale": 0.1, "scale\nrate 3": 0.02, **RATES})
    proof = Proof()
    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        for known in prove([lambda refuted: [tunable("scale")]], table, proof):
            proof = known
    assert proof.confirmed == {"s"} and proof.fix is not None


def test_the_cheapest_of_equally_good_untuned_fixes_is_tuned():
    """The more expensive fix has another learning rate, too, and would otherwise be tuned and taken."""
    dearer = prescription("scale in the model\nrate 3", remedy="scale in the model+learning_rate", cost=3)
    in_model, in_data = prescription("scale in the model", remedy="scale in the model"), tunable("scale", cost=1)
    outcomes = {"scale": 0.17, "scale in the model": 0.17, "scale in the model\nrate 3": 0.02, "scale\nrate 3": 0.02}
    proof, _ = tried({**outcomes, **RATES}, [in_model, in_data, dearer])
    assert (proof.fix.label, proof.tuning.label) == ("scale", "scale\nrate 3")


@pytest.mark.parametrize(("others", "is_cured"), [({"fix\nrate 10": 0.05}, True), ({"fix\nrate 10": 0.95}, False)])
def test_the_remedy_of_a_fact_without_a_gain_is_tried_at_other_rates(others, is_cured):
    outcomes = {"fix": 1.1, **{f"fix\nrate {factor:g}": 2.0 for factor in (0.01, 0.1, 10, 100)}, **others}
    proof, _ = tried(outcomes, [tunable("fix", of_fact=True)])
    assert (proof.fix is not None) is is_cured
    assert not is_cured or proof.fix.label == "fix\nrate 10" and proof.tuning is None


def test_no_two_parts_set_the_same_learning_rate():
    one, other = prescription("a", remedy="learning_rate"), prescription("b", "t", remedy="adaptive_rule")
    candidates = [Candidate(each, each.apply(SCRIPT)) for each in (one, other)]
    assert merge_candidates(candidates) is None
    named = [replace(c, prescription=replace(c.prescription, optimizer=str(i))) for i, c in enumerate(candidates)]
    assert merge_candidates(named) is not None
