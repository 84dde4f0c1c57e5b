"""The search tunes the rate of what helps, and the rule."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.combine import together
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.prove import prove


def with_rates(text: str, cost: int = 2, remedy: str = "", **named):
    """A prescription that can be had at other rates: "scale" at three times the rate is "scale 3"."""

    def at_rate(factor):
        return prescription(f"{text} {factor:g}", remedy=remedy, cost=cost + 1)

    return replace(prescription(text, remedy=remedy, cost=cost), at_rate=at_rate, **named)


def screened(table: Table) -> list[str]:
    return [job.script.edits[SCRIPT.path].strip() for job in table.jobs if job.seed == 0]


def test_the_rate_is_tuned_anew_once_something_helps():
    outcomes = {"scale": 0.3, "scale 3": 0.1, "scale 10": 5.0}
    proof, table = tried(outcomes, [with_rates("scale")])
    assert proof.cure.label == "scale 3" and proof.confirmed == {"s"}
    assert verdicts(proof) == {"scale": "helps", "scale 3": "proved", "scale 10": "worse"}
    assert [len(trial.seeds) for trial in proof.trials] == [5, 5, 1]
    assert screened(table) == ["scale", "scale 3", "scale 10"]


def test_the_rate_goes_on_up_only_while_the_highest_is_the_best():
    outcomes = {"scale": 0.5, "scale 3": 0.3, "scale 10": 0.1, "scale 30": 0.01, "scale 100": 9.0}
    proof, _ = tried(outcomes, [with_rates("scale")])
    assert proof.cure.label == "scale 30" and "scale 100" in verdicts(proof)
    _, table = tried({**outcomes, "scale 10": 0.4}, [with_rates("scale")])
    assert not any("30" in job.script.edits[SCRIPT.path] for job in table.jobs)
    _, table = tried({**outcomes, "scale 10": 0.0005}, [with_rates("scale")])
    assert not any("30" in job.script.edits[SCRIPT.path] for job in table.jobs)


def test_a_tuned_rate_that_gains_little_is_not_worth_another_number():
    proof, _ = tried({"scale": 0.3, "scale 3": 0.27, "scale 10": 0.3}, [with_rates("scale")])
    assert proof.cure.label == "scale"


def test_the_rate_of_the_best_under_another_rule_is_tuned_too():
    """At its default rate Adam is the worse one, and the better one at three times that."""
    outcomes = {"scale": 0.3, "scale 3": 0.4, "adam": 0.6, "adam 3": 0.05, "adam 10": 0.2}
    both = [with_rates("scale"), with_rates("adam", 3, "adaptive_rule")]
    proof, table = tried(outcomes, both)
    assert proof.cure.label == "adam 3" and verdicts(proof)["scale 3"] == "helps"
    assert screened(table) == ["scale", "adam", "scale 3", "adam 3", "adam 10"]
    _, table = tried({**outcomes, "scale": 0.009, "scale 3": 0.01}, both)
    assert screened(table) == ["scale", "adam", "scale 3"]  # what is left is not worth another rule


def test_what_is_for_another_symptom_is_no_rival_whose_rate_is_tuned():
    other = replace(with_rates("adam", 3, "adaptive_rule"), symptom="other")
    _, table = tried({"scale": 0.3, "scale 3": 0.4, "adam": 0.6, "scaleadam": 0.3}, [with_rates("scale"), other])
    assert "adam 3" not in screened(table)


def test_adam_is_tried_with_the_best_where_none_helps_under_another_rule():
    def with_adam(factor):
        return prescription(f"scale, adam {factor:g}", remedy="scale+adaptive_rule", cost=5)

    scale = replace(with_rates("scale"), with_adam=with_adam)
    outcomes = {"scale": 0.3, "scale 3": 0.4, "scale, adam 1": 0.1, "scale, adam 3": 0.2}
    proof, table = tried(outcomes, [scale])
    assert proof.tuning.label == "scale, adam 1" and verdicts(proof)["scale, adam 1"] == "proved"
    assert screened(table) == ["scale", "scale 3", "scale, adam 1", "scale, adam 3"]
    proof, _ = tried({**outcomes, "scale, adam 1": 0.27, "scale, adam 3": 0.3}, [scale])
    assert proof.cure.label == "scale"  # a quarter is not worth another rule


@pytest.mark.parametrize(("dear", "taken"), [(0.1, "dear"), (0.25, "cheap")])
def test_a_cheaper_change_must_be_about_as_good_on_fresh_seeds_too(dear, taken):
    """Under the script's own seed the cheap one is within the margin of the dear one."""

    class Lucky(Table):
        def answer(self, job):
            is_lucky = job.script.edits[SCRIPT.path].strip() == "dear" and job.seed == 0
            return super().answer(job) if not is_lucky else record_of(0.25, job.seed, job.steps)

    both = [prescription("cheap", cost=1), prescription("dear", cost=3)]
    proof, _ = tried({}, both, table=Lucky({"pass": 1.0, "cheap": 0.3, "dear": dear}))
    assert proof.cure.label == taken
    assert sorted(verdicts(proof).values()) == ["helps", "proved"]
    assert [len(trial.seeds) for trial in proof.trials] == [5, 5]


@pytest.mark.parametrize(
    ("redraws", "others", "taken"), [(True, 0.11, "cheap"), (True, 0.3, "dear"), (False, 0.11, "dear")]
)
def test_one_seed_is_not_enough_to_pass_over_a_cheaper_change_that_draws_other_weights(redraws, others, taken):
    """Under the script's own seed the dear one is three times as good; under the others it may be no better."""

    class Drawn(Table):
        def answer(self, job):
            is_other = job.script.edits[SCRIPT.path].strip() == "cheap" and job.seed != 0
            return super().answer(job) if not is_other else record_of(others, job.seed, job.steps)

    both = [replace(prescription("cheap", cost=1), redraws=redraws), prescription("dear", cost=3)]
    proof, table = tried({}, both, table=Drawn({"pass": 1.0, "cheap": 0.3, "dear": 0.1}))
    assert proof.cure.label == taken
    assert any(job.script.edits[SCRIPT.path].strip() == "cheap" and job.seed for job in table.jobs) is redraws


class Lucky(Table):
    """Answers for "scale 3" under the script's own seed with a gain that no other seed shows."""

    def answer(self, job):
        is_lucky = job.script.edits[SCRIPT.path].strip() == "scale 3" and job.seed == 0
        return super().answer(job) if not is_lucky else record_of(0.01, job.seed, job.steps)


def test_a_tuned_rate_that_does_not_hold_leaves_the_cure():
    proof, _ = tried({}, [with_rates("scale")], table=Lucky({"pass": 1, "scale": 0.3, "scale 3": 2, "scale 10": 3}))
    assert verdicts(proof) == {"scale": "proved", "scale 3": "not_proved", "scale 10": "worse"}
    assert proof.cure.label == "scale" and proof.confirmed == {"s"}


def test_a_tuned_rate_that_holds_is_held_against_the_cure_without_it():
    """On fresh seeds both are proved, and the cure at its own rate is the better one."""
    finished = record_of(1.0, reason="finished")
    outcomes = {"pass": 1, "scale": 0.1, "scale 3": 0.3, "scale 10": 3}
    proof, table = tried({}, [with_rates("scale")], finished, Lucky(outcomes))
    assert verdicts(proof) == {"scale": "proved", "scale 3": "helps", "scale 10": "worse"}
    assert proof.cure.label == "scale" and proof.trial_run.series("yardstick", "negative_log_likelihood").last == 0.1
    assert "no better" in next(trial.reason for trial in proof.trials if trial.label == "scale 3")
    unchanged = [job.seed for job in table.jobs if job.script is SCRIPT]
    assert unchanged == [1, 2, 3, 4, 5]  # once for both


def test_no_rate_is_tuned_where_nothing_helps_or_all_is_gained_or_other_data_judge():
    table = tried({"scale": 0.001, "scale 3": 0.0001}, [with_rates("scale")])[1]
    assert len([job for job in table.jobs if job.seed == 0]) == 1
    table = tried({"scale": 0.95}, [with_rates("scale")])[1]
    assert len([job for job in table.jobs if job.seed == 0]) == 1
    table = tried({"scale": 0.3}, [with_rates("scale", judged_on="training")])[1]
    assert not any("3" in job.script.edits[SCRIPT.path] for job in table.jobs)


def test_a_lower_rate_must_win_at_twice_the_horizon_too():
    low = prescription("low", remedy="learning_rate")
    table = Table({"pass": 1.0, "low": 0.1})
    table.later = {"pass": 0.1, "low": 0.1}
    proof, _ = tried({}, [low], table=table)
    assert proof.cure is None and "twice the horizon" in proof.trials[0].reason
    finished = record_of(1.0, reason="finished")
    assert tried({}, [low], finished, Table({"pass": 1.0, "low": 0.1}))[0].cure is not None


def test_another_rule_at_a_tuned_rate_must_win_there_too():
    outcomes = {"pass": 1.0, "adam": 0.5, "adam 3": 0.1, "adam 10": 0.2}
    table = Table(outcomes)
    table.later = {"pass": 0.4, "adam": 0.1, "adam 3": 0.5}
    proof, _ = tried({}, [with_rates("adam", 3, "adaptive_rule")], table=table)
    assert verdicts(proof)["adam 3"] == "not_proved" and proof.cure.label == "adam"


def test_a_combination_that_holds_a_tuned_rate_must_win_there_too():
    outcomes = {"pass": 1.0, "scale": 0.5, "scale 3": 0.2, "scale 10": 0.4, "f": 0.75, "scale 3f": 0.02}
    faults, table = [with_rates("scale"), prescription("f", "t")], Table(outcomes)
    assert tried({}, faults, table=table)[0].cure.label == "scale 3 + f"
    table.later = {"pass": 0.4, "scale 3f": 0.5, "scale 3": 0.5}
    proof, _ = tried({}, faults, table=table)
    assert "twice the horizon" in {trial.label: trial.reason for trial in proof.trials}["scale 3 + f"]


def tunable(text: str, symptom: str = "s", *, cost: int = 2, **named):
    """A prescription whose rate is another remedy beside its own: the patch of the cure is without it."""

    def at_rate(factor):
        return prescription(f"{text}\nrate {factor:g}", symptom, remedy=f"{text}+learning_rate", cost=cost + 1)

    return replace(prescription(text, symptom, remedy=text, cost=cost), at_rate=at_rate, **named)


RATES = {"scale\nrate 10": 5.0, "scale\nrate 30": 5.0}


def test_what_tuning_adds_to_a_cure_is_a_patch_of_its_own():
    proof, _ = tried({"scale": 0.1, "scale\nrate 3": 0.02, **RATES}, [tunable("scale")])
    assert (proof.cure.label, proof.tuning.label) == ("scale", "scale\nrate 3")
    assert verdicts(proof) == {"scale": "proved", "scale\nrate 3": "proved", "scale\nrate 10": "worse"}
    assert proof.cure.after == pytest.approx(0.1, abs=0.02) and len(proof.cure.seeds) == len(proof.tuning.seeds) == 5
    added = [line for line in proof.cure.patch.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    assert added == ["+scale"]
    added = [line for line in proof.tuning.patch.splitlines() if line[:1] == "+" and line[:3] != "+++"]
    assert added == ["+rate 3"]  # on top of the cure
    assert proof.trial_run.series("yardstick", "negative_log_likelihood").last == 0.1


def test_a_fix_that_is_proved_alone_holds_no_tuning_however_much_that_adds():
    proof, _ = tried({"scale": 0.75, "scale\nrate 3": 0.02, **RATES}, [tunable("scale")])
    assert (proof.cure.label, proof.tuning.label) == ("scale", "scale\nrate 3")
    assert verdicts(proof)["scale"] == verdicts(proof)["scale\nrate 3"] == "proved"


def test_tuning_that_adds_too_little_to_be_worth_a_number_is_no_patch():
    class Lucky(Table):
        def answer(self, job):
            is_lucky = job.script.edits[SCRIPT.path].strip() == "scale\nrate 3" and job.seed == 0
            return super().answer(job) if not is_lucky else record_of(0.01, job.seed, job.steps)

    table = Lucky({"pass": 1.0, "scale": 0.1, "scale\nrate 3": 0.09, **RATES})
    proof, _ = tried({}, [tunable("scale")], table=table)
    assert proof.cure.label == "scale" and proof.tuning is None and verdicts(proof)["scale\nrate 3"] == "helps"


def test_of_several_remedies_together_the_cure_is_without_tuning_too():
    outcomes = {"scale": 0.5, "scale\nrate 3": 0.2, **RATES, "f": 0.75, "scale\nrate 3f": 0.02, "scalef": 0.1}
    proof, _ = tried(outcomes, [tunable("scale"), prescription("f", "t")])
    assert (proof.cure.label, proof.tuning.label) == ("scale + f", "scale\nrate 3 + f")
    assert {verdicts(proof)[label] for label in ("scale + f", "scale\nrate 3 + f")} == {"proved"}


@pytest.mark.parametrize("interrupted", [True, False])
def test_what_is_proved_stays_so_where_it_is_interrupted_afterwards(interrupted):
    """A cure that is held against another one: its finding is known before."""

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
    assert proof.confirmed == {"s"} and proof.cure is not None


def test_of_fixes_as_good_without_tuning_the_cheapest_one_is_tuned():
    """The dearer one is prescribed at another rate, too, and would be the one that is tuned and taken."""
    dearer = prescription("scale in the model\nrate 3", remedy="scale in the model+learning_rate", cost=3)
    in_model, in_data = prescription("scale in the model", remedy="scale in the model"), tunable("scale", cost=1)
    outcomes = {"scale": 0.17, "scale in the model": 0.17, "scale in the model\nrate 3": 0.02, "scale\nrate 3": 0.02}
    proof, _ = tried({**outcomes, **RATES}, [in_model, in_data, dearer])
    assert (proof.cure.label, proof.tuning.label) == ("scale", "scale\nrate 3")


@pytest.mark.parametrize(("others", "is_cured"), [({"mend\nrate 10": 0.05}, True), ({"mend\nrate 10": 0.95}, False)])
def test_a_facts_remedy_that_does_not_help_is_tried_at_other_rates(others, is_cured):
    outcomes = {"mend": 1.1, **{f"mend\nrate {factor:g}": 2.0 for factor in (0.01, 0.1, 10, 100)}, **others}
    proof, _ = tried(outcomes, [tunable("mend", of_fact=True)])
    assert (proof.cure is not None) is is_cured
    assert not is_cured or proof.cure.label == "mend\nrate 10" and proof.tuning is None


def test_no_two_parts_of_a_change_set_the_same_learning_rate():
    one, other = prescription("a", remedy="learning_rate"), prescription("b", "t", remedy="adaptive_rule")
    candidates = [Candidate(each, each.apply(SCRIPT)) for each in (one, other)]
    assert together(candidates) is None
    named = [replace(c, prescription=replace(c.prescription, optimizer=str(i))) for i, c in enumerate(candidates)]
    assert together(named) is not None
