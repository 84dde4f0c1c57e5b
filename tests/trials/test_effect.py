"""A trial whose edit changes nothing in the run is no evidence about its remedy."""

from dataclasses import replace
from pathlib import Path

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.record import Ending, Fact, Reading, Record, Site, facts
from descend.doctor.remedies import QUANTITIES, REMEDIES, Change, Prescription
from descend.doctor.trials.candidate import Candidate, run_candidates
from descend.doctor.trials.combine import run_pairs
from descend.doctor.trials.effect import SAME_RUN, no_effect_message

KEY = {"optimizer": "0"}


def run_with(*messages, rates=((0, 0.1),), steps: int = 100, weights: str = "w") -> Record:
    """Return the record of a finished run with these messages."""
    record = Record(script="train.py", ending=Ending("finished", 0, steps, weights=weights))
    record.add(
        Fact.of(facts.Optimizer("SGD", groups=1, parameters=10, lr=0.1, weight_decay=0.1, betas=(0.9, 0.99)), 0, "0")
    )
    record.extend(Reading("learning_rate", "0", step, rate) for step, rate in rates)
    record.extend(messages)
    return record


def prescribed(remedy: str, of_fact: bool = False, **values) -> Prescription:
    return Prescription("s", (Change(remedy, lambda script: script, {**KEY, **values}),), remedy, of_fact=of_fact)


def adam() -> Fact:
    return Fact.of(facts.Optimizer("Adam", groups=1, parameters=10, lr=0.001), 0, "0")


def monitor(batches: int) -> Fact:
    return Fact.of(facts.Monitor(batches, (), 256, 256, "same", "same"), 0)


def clipped(limit: float) -> Reading:
    return Reading("clip_limit", "", 0, limit)


def dropout(p: float) -> Fact:
    return Fact.of(facts.Dropout(p), 0, "net.1")


def acting(name: str, value) -> Fact:
    return Fact.of(facts.ActingSetting(value), 0, f"0.{name}")


DECAY, BETAS = {"argument": "weight_decay"}, {"argument": "betas"}
SET = {  # remedy, values, what the baseline shows, what a run with another value shows
    "learning rate": ("learning_rate", {}, {}, {"rates": ((0, 0.01),)}),
    "learning rate of a schedule": (
        "learning_rate", {}, {"rates": ((0, 0.0), (1, 0.1))}, {"rates": ((0, 0.0), (1, 0.01))},
    ),
    "schedule": ("constant_rate", {}, {"rates": ((0, 0.1), (50, 0.01))}, {}),
    "warm-up": ("linear_schedule", {}, {}, {"rates": ((0, 0.01), (1, 0.02))}),
    "weight decay": ("optimizer_argument", DECAY, {}, {"said": [acting("weight_decay", 0.01)]}),
    "weight decay set in the loop": (
        "optimizer_argument", DECAY, {"said": [acting("weight_decay", 0.3)]}, {"said": [acting("weight_decay", 0.0)]},
    ),
    "betas": ("optimizer_argument", BETAS, {}, {"said": [acting("betas", (0.5, 0.99))]}),
    "rule": ("adaptive_rule", {}, {}, {"said": [adam()]}),
    "batch size": ("batch_size", {}, {"said": [monitor(2)]}, {"said": [monitor(16)]}),
    "threshold": ("clip_threshold", {}, {"said": [clipped(0.01)]}, {"said": [clipped(1.0)]}),
    "clipping": ("clip_gradients", {}, {}, {"said": [clipped(1.0)]}),
    "dropout": ("dropout_rate", {}, {"said": [dropout(0.9)]}, {"said": [dropout(0.2)]}),
    "length": ("training_length", {}, {}, {"steps": 400}),
}  # fmt: skip


def seen(shown: dict, weights: str) -> Record:
    shown = dict(shown)
    return run_with(*shown.pop("said", ()), weights=weights, **shown)


@pytest.mark.parametrize("case", SET)
def test_the_setting_that_an_edit_changes_is_read_from_the_run(case) -> None:
    """The final weights differ, as they do in a script with unseeded random numbers."""
    remedy, values, before, after = SET[case]
    baseline = seen(before, "w")
    assert no_effect_message(prescribed(remedy, **values), seen(after, "v"), baseline) == ""
    if case != "clipping":  # The baseline does not clip gradients.
        assert no_effect_message(prescribed(remedy, **values), seen(before, "v"), baseline).startswith("no effect: ")


def test_the_line_that_overrides_an_edit_is_named() -> None:
    overwritten = Site("overwritten", "0.lr", "/home/u/train.py", 31, detail="lr")
    baseline, record = run_with(), run_with(overwritten)
    rate = prescribed("learning_rate")
    assert no_effect_message(rate, record, baseline) == "no effect: line 31 overrides it"
    assert no_effect_message(rate, baseline, record) == "no effect: line 31 overrides it"
    elsewhere = run_with(replace(overwritten, file="/home/u/rates.py"))
    assert no_effect_message(rate, elsewhere, baseline) == "no effect: line 31 of rates.py overrides it"
    cycle = Site("scheduler", "0", "/home/u/train.py", 7, detail="OneCycleLR")
    assert no_effect_message(rate, run_with(cycle), baseline) == "no effect: line 7 overrides it"
    unseen = "no effect: a different value of lr changes nothing in the run"
    assert no_effect_message(rate, run_with(replace(cycle, detail="StepLR")), baseline) == unseen


def test_each_of_several_edits_must_have_an_effect() -> None:
    both = prescribed("standardise_inputs")
    both = replace(both, changes=(*both.changes, *prescribed("learning_rate").changes))
    assert no_effect_message(both, run_with(weights="v"), run_with()).startswith("no effect")
    assert no_effect_message(both, run_with(weights="v", rates=((0, 0.2),)), run_with()) == ""


def test_a_shorter_run_is_compared_up_to_its_end() -> None:
    baseline = run_with(rates=((0, 0.1), (50, 0.01)))
    assert no_effect_message(prescribed("learning_rate"), run_with(steps=20), baseline).startswith("no effect")
    assert no_effect_message(prescribed("learning_rate"), run_with(steps=60), baseline) == ""


def test_a_remedy_without_a_readable_setting_is_compared_by_the_weights() -> None:
    baseline = run_with(Reading("loss", "0", 99, 1.0))
    for remedy in ("shuffle", "clip_threshold"):  # These records do not contain the clipping threshold.
        same, other = prescribed(remedy), run_with(Reading("loss", "0", 99, 1.0), weights="v")
        assert no_effect_message(same, run_with(Reading("loss", "0", 99, 1.0)), baseline) == SAME_RUN
        assert no_effect_message(same, other, baseline) == ""


def test_a_change_of_the_evaluation_counts_as_an_effect() -> None:
    printed = [Reading("logged_metric", "accuracy", 99, value) for value in (0.5, 0.9)]
    assert no_effect_message(prescribed("relabel"), run_with(printed[1]), run_with(printed[0])) == ""
    assert no_effect_message(prescribed("relabel"), run_with(printed[0]), run_with(printed[0])) == SAME_RUN
    assert no_effect_message(prescribed("evaluation_mode", of_fact=True), run_with(), run_with()) == ""


def test_a_run_that_fails_has_another_reason() -> None:
    failed = run_with()
    failed.ending = replace(failed.ending, reason="failed", status=1)
    assert no_effect_message(prescribed("learning_rate"), failed, run_with()) == ""


def test_every_quantity_belongs_to_a_remedy() -> None:
    assert set(QUANTITIES) <= set(REMEDIES)


def rate(text: str, symptom: str = "s", decides: bool = True) -> Prescription:
    """Return a remedy that sets the learning rate to the number in its text."""

    def edit(script):
        line = text if RATES.fact(facts.Ineffective, "lr") is None else text.upper()
        return script.edit(SCRIPT.path, line + "\n")

    return Prescription(symptom, (Change("learning_rate", edit, KEY),), text, cost=1, decides=decides)


RATES = record_of(1.0)


class Overridden(Table):
    """Runs in which the edited number does not determine the learning rate."""

    def answer(self, job) -> Record:
        record = super().answer(job)
        text = job.script.edits[SCRIPT.path].strip()
        record.add(Reading("learning_rate", "0", 0, 0.01 if text.isupper() else 0.1))
        return record


@pytest.fixture
def baseline() -> Record:
    global RATES
    RATES = record_of(1.0)
    RATES.add(Reading("learning_rate", "0", 0, 0.1))
    return RATES


def test_an_edit_without_effect_is_repeated_at_the_overriding_line(baseline) -> None:
    table = Overridden({"pass": 1.0, "low": 1.0, "LOW": 0.1})
    proof, _ = tried({}, [rate("low")], baseline=baseline, table=table)
    assert verdicts(proof) == {"low": "proved"} and proof.fix.script.edits[SCRIPT.path] == "LOW\n"


def test_an_edit_that_cannot_be_repeated_there_is_not_judged(baseline) -> None:
    baseline.add(Fact.of(facts.Ineffective(), 0, "lr"))  # A known fact is not added again.
    table = Overridden({"pass": 1.0, "LOW": 1.0})
    table.answer = lambda job: Overridden.answer(table, replace(job, script=job.script.edit(SCRIPT.path, "pass\n")))
    proof, _ = tried({}, [rate("low")], baseline=baseline, table=table)
    (trial,) = proof.trials
    assert trial.verdict == "ineffective" and not trial.was_judged
    assert trial.reason == "no effect: a different value of lr changes nothing in the run"
    assert not proof.judged and not proof.dismissed and proof.fix is None


def test_the_overriding_line_is_found_in_the_trial_run(baseline) -> None:
    class Seen(Overridden):
        def answer(self, job) -> Record:
            record = super().answer(job)
            record.add(Site("overwritten", "0.lr", str(Path(__file__)), 9, detail="lr"))
            return record

    tried({}, [rate("low")], baseline=baseline, table=Seen({"pass": 1.0, "low": 1.0}))
    assert baseline.site("overwritten", "0.lr").line == 9 and baseline.fact(facts.Ineffective, "lr") is None


def test_a_schedule_without_effect_is_no_evidence_about_the_learning_rate(baseline) -> None:
    """The schedule's edit changes no number, so the learning rate may still be edited at its own line."""
    schedule = replace(rate("low"), changes=(replace(rate("low").changes[0], remedy="linear_schedule"),))
    tried({}, [schedule], baseline=baseline, table=Overridden({"pass": 1.0, "low": 1.0}))
    assert baseline.fact(facts.Ineffective, "lr") is None


def test_an_edit_without_effect_alone_may_have_one_in_a_pair() -> None:
    class Alone(Table):
        def answer(self, job) -> Record:
            record = super().answer(job)
            if job.script.edits[SCRIPT.path].strip() == "noise":
                record.ending = replace(record.ending, weights=self.baseline.ending.weights)
            return record

    table = Alone({"pass": 1.0, "noise": 1.0, "pull": 0.99, "pullnoise": 0.05, "noisepull": 0.05})
    alone = [prescription("noise", "n", remedy="skip_call"), prescription("pull", "p", remedy="leave_out")]
    ran = run_candidates([Candidate(p, p.apply(SCRIPT)) for p in alone], table)
    assert ran[0].reason == SAME_RUN and [c.value for c in run_pairs(ran, table)] == [0.05]


@pytest.mark.parametrize("of_search", [True, False])
def test_a_search_dismisses_a_line_whose_omission_has_no_effect(of_search):
    class Same(Table):
        def answer(self, job):
            record = super().answer(job)
            record.ending = replace(record.ending, weights="w")
            return record

    baseline = record_of(1.0)
    baseline.ending = replace(baseline.ending, weights="w")
    line = replace(prescription("line", "unreadable"), of_search=of_search)
    proof, _ = tried({}, [line], baseline=baseline, table=Same({"pass": 1.0, "line": 1.0}))
    assert verdicts(proof) == {"line": "ineffective"}
    assert proof.dismissed == ({"unreadable"} if of_search else frozenset())
