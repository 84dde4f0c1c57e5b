"""A trial whose edit changes nothing in the run says nothing of its remedy."""

from dataclasses import replace
from pathlib import Path

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.record import Ending, Fact, Reading, Record, Site, facts
from descend.doctor.remedies import QUANTITIES, REMEDIES, Change, Prescription
from descend.doctor.trials.candidate import Candidate, run_all
from descend.doctor.trials.combine import pairs
from descend.doctor.trials.effect import THE_SAME, missing_effect

KEY = {"optimizer": "0"}


def run_with(*messages, rates=((0, 0.1),), steps: int = 100, weights: str = "w") -> Record:
    """A run that has ended, with what was seen of it."""
    record = Record(script="train.py", ending=Ending("finished", 0, steps, weights=weights))
    record.add(
        Fact.of(facts.Optimizer("SGD", groups=1, parameters=10, lr=0.1, weight_decay=0.1, betas=(0.9, 0.99)), 0, "0")
    )
    record.extend(Reading("learning_rate", "0", step, rate) for step, rate in rates)
    record.extend(messages)
    return record


def prescribed(remedy: str, of_fact: bool = False, **dose) -> Prescription:
    return Prescription("s", (Change(remedy, lambda script: script, {**KEY, **dose}),), remedy, of_fact=of_fact)


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
SET = {  # remedy, dose, what the baseline shows, what a run with another value shows
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
def test_the_quantity_that_an_edit_sets_is_read_from_the_run(case) -> None:
    """The weights of the two runs differ each time, as those of a script do that draws at random."""
    remedy, dose, before, after = SET[case]
    baseline = seen(before, "w")
    assert missing_effect(prescribed(remedy, **dose), seen(after, "v"), baseline) == ""
    if case != "clipping":  # which the baseline does not do
        assert missing_effect(prescribed(remedy, **dose), seen(before, "v"), baseline).startswith("no effect: ")


def test_the_line_that_overrides_an_edit_is_named() -> None:
    overwritten = Site("overwritten", "0.lr", "/home/u/train.py", 31, detail="lr")
    baseline, record = run_with(), run_with(overwritten)
    rate = prescribed("learning_rate")
    assert missing_effect(rate, record, baseline) == "no effect: line 31 overrides it"
    assert missing_effect(rate, baseline, record) == "no effect: line 31 overrides it"
    elsewhere = run_with(replace(overwritten, file="/home/u/rates.py"))
    assert missing_effect(rate, elsewhere, baseline) == "no effect: line 31 of rates.py overrides it"
    cycle = Site("scheduler", "0", "/home/u/train.py", 7, detail="OneCycleLR")
    assert missing_effect(rate, run_with(cycle), baseline) == "no effect: line 7 overrides it"
    unseen = "no effect: another value of lr changes nothing in the run"
    assert missing_effect(rate, run_with(replace(cycle, detail="StepLR")), baseline) == unseen


def test_each_of_several_edits_must_have_its_effect() -> None:
    both = prescribed("standardise_inputs")
    both = replace(both, changes=(*both.changes, *prescribed("learning_rate").changes))
    assert missing_effect(both, run_with(weights="v"), run_with()).startswith("no effect")
    assert missing_effect(both, run_with(weights="v", rates=((0, 0.2),)), run_with()) == ""


def test_of_a_run_that_is_shorter_what_came_before_its_end_is_compared() -> None:
    baseline = run_with(rates=((0, 0.1), (50, 0.01)))
    assert missing_effect(prescribed("learning_rate"), run_with(steps=20), baseline).startswith("no effect")
    assert missing_effect(prescribed("learning_rate"), run_with(steps=60), baseline) == ""


def test_a_remedy_that_sets_nothing_to_be_read_is_known_by_the_weights() -> None:
    baseline = run_with(Reading("loss", "0", 99, 1.0))
    for remedy in ("shuffle", "clip_threshold"):  # the second one's threshold is not seen here
        same, other = prescribed(remedy), run_with(Reading("loss", "0", 99, 1.0), weights="v")
        assert missing_effect(same, run_with(Reading("loss", "0", 99, 1.0)), baseline) == THE_SAME
        assert missing_effect(same, other, baseline) == ""


def test_a_change_of_what_is_evaluated_is_an_effect() -> None:
    printed = [Reading("own_number", "accuracy", 99, value) for value in (0.5, 0.9)]
    assert missing_effect(prescribed("relabel"), run_with(printed[1]), run_with(printed[0])) == ""
    assert missing_effect(prescribed("relabel"), run_with(printed[0]), run_with(printed[0])) == THE_SAME
    assert missing_effect(prescribed("evaluation_mode", of_fact=True), run_with(), run_with()) == ""


def test_a_run_that_fails_has_another_reason() -> None:
    failed = run_with()
    failed.ending = replace(failed.ending, reason="failed", status=1)
    assert missing_effect(prescribed("learning_rate"), failed, run_with()) == ""


def test_every_quantity_is_that_of_a_remedy() -> None:
    assert set(QUANTITIES) <= set(REMEDIES)


def rate(text: str, symptom: str = "s", decides: bool = True) -> Prescription:
    """A remedy that sets the learning rate: the script's text says what it is."""

    def edit(script):
        line = text if RATES.fact(facts.Ineffective, "lr") is None else text.upper()
        return script.edit(SCRIPT.path, line + "\n")

    return Prescription(symptom, (Change("learning_rate", edit, KEY),), text, 1, decides)


RATES = record_of(1.0)


class Overridden(Table):
    """Runs in which the number that is edited is not what the learning rate comes from."""

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


def test_an_edit_without_effect_is_made_where_the_value_comes_from(baseline) -> None:
    table = Overridden({"pass": 1.0, "low": 1.0, "LOW": 0.1})
    proof, _ = tried({}, [rate("low")], baseline=baseline, table=table)
    assert verdicts(proof) == {"low": "proved"} and proof.cure.script.edits[SCRIPT.path] == "LOW\n"


def test_an_edit_that_cannot_be_made_there_neither_counts_as_tried_nor_refutes(baseline) -> None:
    baseline.add(Fact.of(facts.Ineffective(), 0, "lr"))  # what is known is not learned again
    table = Overridden({"pass": 1.0, "LOW": 1.0})
    table.answer = lambda job: Overridden.answer(table, replace(job, script=job.script.edit(SCRIPT.path, "pass\n")))
    proof, _ = tried({}, [rate("low")], baseline=baseline, table=table)
    (trial,) = proof.trials
    assert trial.verdict == "ineffective" and not trial.was_judged
    assert trial.reason == "no effect: another value of lr changes nothing in the run"
    assert not proof.judged and not proof.dismissed and proof.cure is None


def test_where_it_overrides_is_learned_from_the_trial(baseline) -> None:
    class Seen(Overridden):
        def answer(self, job) -> Record:
            record = super().answer(job)
            record.add(Site("overwritten", "0.lr", str(Path(__file__)), 9, detail="lr"))
            return record

    tried({}, [rate("low")], baseline=baseline, table=Seen({"pass": 1.0, "low": 1.0}))
    assert baseline.site("overwritten", "0.lr").line == 9 and baseline.fact(facts.Ineffective, "lr") is None


def test_a_schedule_without_effect_says_nothing_of_the_number(baseline) -> None:
    """Its own edit writes no number: that of the learning rate is still to be tried where it is."""
    schedule = replace(rate("low"), changes=(replace(rate("low").changes[0], remedy="linear_schedule"),))
    tried({}, [schedule], baseline=baseline, table=Overridden({"pass": 1.0, "low": 1.0}))
    assert baseline.fact(facts.Ineffective, "lr") is None


def test_an_edit_without_an_effect_alone_may_have_one_beside_another() -> None:
    class Alone(Table):
        def answer(self, job) -> Record:
            record = super().answer(job)
            if job.script.edits[SCRIPT.path].strip() == "noise":
                record.ending = replace(record.ending, weights=self.baseline.ending.weights)
            return record

    table = Alone({"pass": 1.0, "noise": 1.0, "pull": 0.99, "pullnoise": 0.05, "noisepull": 0.05})
    alone = [prescription("noise", "n", remedy="skip_call"), prescription("pull", "p", remedy="leave_out")]
    ran = run_all([Candidate(p, p.apply(SCRIPT)) for p in alone], table)
    assert ran[0].reason == THE_SAME and [c.value for c in pairs(ran, table)] == [0.05]


@pytest.mark.parametrize("of_search", [True, False])
def test_a_search_dismisses_a_line_that_can_be_left_out_without_any_effect(of_search):
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
