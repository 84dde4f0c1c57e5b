"""Evaluation metrics other than the loss on the first training examples."""

from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.trials.evaluation_metric import final_cost


def with_series(record: Record, name: str, place: str, values: list[float]) -> Record:
    for step, value in enumerate(values, 1):
        record.add(Reading(name, place, 10 * step, value))
    return record


class WithOtherSeries(Table):
    """Trial runs with the same loss on the first examples that differ in another series."""

    def __init__(self, name: str, place: str, outcomes: dict[str, float]) -> None:
        super().__init__(dict.fromkeys(["pass", *outcomes], 1.0))
        self.name, self.place, self.differing = name, place, {"pass": 1.0, **outcomes}

    def answer(self, job) -> Record:
        text = next(iter(job.script.edits.values())).strip()
        return with_series(super().answer(job), self.name, self.place, [self.differing[text] * 1.01**job.seed] * 4)


KINDS = [
    ("held_out", "evaluation_loss", ""),
    ("median", "median_error", "squared_error"),
    ("spread", "spread_metric", "negative_log_likelihood"),
]


@pytest.mark.parametrize(("judged_on", "name", "place"), KINDS)
def test_an_edit_is_compared_by_the_metric_that_it_names(judged_on, name, place):
    baseline = with_series(record_of(1.0), name, place, [1.0] * 4)
    better, worse = (replace(prescription(text), judged_on=judged_on) for text in ("better", "worse"))
    proof, _ = tried({}, [better, worse], baseline, WithOtherSeries(name, place, {"better": 0.2, "worse": 1.5}))
    assert verdicts(proof) == {"better": "proved", "worse": "worse"}
    assert proof.fix.before == pytest.approx(1.0, abs=0.1) and proof.fix.after == pytest.approx(0.2, abs=0.05)


class Printing(Table):
    """Trial runs that print an accuracy."""

    named = "test acc"

    def answer(self, job) -> Record:
        text = next(iter(job.script.edits.values())).strip()
        return printing(super().answer(job), self.outcomes[text] - 0.01 * job.seed, self.named)


def printing(record: Record, accuracy: float, name: str = "test acc", is_held_out: bool = True) -> Record:
    told = facts.MetricName(rises=True, is_share="acc" in name, is_loss=False, is_held_out=is_held_out)
    record.add(Fact.of(told, 0, name))
    return with_series(record, "logged_metric", name, [0.1] * 9 + [accuracy])


def test_an_edit_is_compared_by_the_logged_metric():
    baseline = printing(record_of(1.0), 0.4)
    better, worse, mute = (replace(prescription(text), judged_on="metric") for text in ("better", "worse", "mute"))
    outcomes = {"pass": 0.4, "better": 0.9, "worse": 0.2, "mute": float("nan")}
    proof, _ = tried({}, [better, worse, mute], baseline, Printing(outcomes))
    assert verdicts(proof) == {"better": "proved", "worse": "worse", "mute": "failed"}
    assert proof.fix.before == pytest.approx(0.63, abs=0.01) and proof.fix.after == pytest.approx(0.13, abs=0.01)
    assert proof.fix.metric == "1 − 'test acc', as printed by the script, after 100 steps"
    assert "does not log" in next(t for t in proof.trials if t.label == "mute").reason


def test_an_edit_without_a_known_cause_must_take_off_half():
    baseline = printing(record_of(1.0), 0.4)
    asked = [replace(prescription(text), judged_on="metric", much=True) for text in ("some", "much")]
    proof, _ = tried({}, asked, baseline, Printing({"pass": 0.4, "some": 0.6, "much": 0.9}))
    assert verdicts(proof) == {"some": "no_effect", "much": "proved"}


def test_an_unbounded_metric_is_read_with_the_baselines_untrained_value():
    """The untrained value is unknown for the trial runs."""
    baseline = printing(record_of(1.0), 4.0, "mean reward")
    baseline.add(Fact.of(facts.UntrainedMetric(2.0), 0, "mean reward"))
    better = replace(prescription("better"), judged_on="metric")
    table = Printing({"pass": 4.0, "better": 9.0})
    table.named = "mean reward"
    proof, _ = tried({}, [better], baseline, table)
    assert verdicts(proof) == {"better": "proved"} and proof.fix.after == pytest.approx(1 / 7, abs=0.01)
    assert proof.fix.metric.startswith("1 / improvement of 'mean reward' on the untrained network's 2,")


def test_output_after_the_last_step_is_read():
    baseline = printing(record_of(1.0, reason="finished"), 0.4)
    _, table = tried({}, [replace(prescription("a"), judged_on="metric")], baseline, Printing({"pass": 0.4, "a": 0.9}))
    assert {job.steps for job in table.jobs} == {110}


def test_the_last_evaluations_are_averaged():
    record = with_series(record_of(1.0), "evaluation_loss", "", [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 1.0, 2.0, 3.0])
    assert final_cost(record, "held_out") == 2.0


def test_the_last_of_few_evaluations_decides():
    record = with_series(record_of(1.0), "evaluation_loss", "", [9.0, 3.0])
    assert final_cost(record, "held_out") == 3.0


def test_one_infinite_loss_during_training_is_no_divergence():
    baseline = record_of(1.0)
    for step, value in enumerate([4.0] * 30 + [float("inf"), 2.0, 2.0]):
        baseline.add(Reading("loss", "0", step, value))
    assert final_cost(baseline, "training", baseline) == 2.0
    baseline.ending = Ending("interrupted", 130, 100)
    assert final_cost(baseline, "training", baseline) != 2.0


def test_the_baseline_shows_which_evaluation_is_on_held_out_data():
    """Another evaluation uses training data, where a trial run that stops early may have a higher cost."""
    baseline, trial_run = record_of(1.0), record_of(1.0)
    for record, place, values in (
        (baseline, "", [2, 0.1]),
        (baseline, "1", [1, 3.0]),
        (trial_run, "", [2, 1.5]),
        (trial_run, "1", [1, 1.0]),
    ):
        with_series(record, "evaluation_loss", place, values)
    assert final_cost(baseline, "held_out", baseline) == 3.0 and final_cost(trial_run, "held_out", baseline) == 1.0


def test_missing_held_out_data_are_the_stated_reason():
    proof, table = tried({"a": 0.1}, [replace(prescription("a"), judged_on="held_out")])
    assert verdicts(proof) == {"a": "failed"} and "held-out" in proof.trials[0].reason and not table.jobs


class Untaped(Table):
    """Trial runs without a replayable step, which have only a training loss."""

    def answer(self, job) -> Record:
        value = self.outcomes[next(iter(job.script.edits.values())).strip()]
        return untaped(value * 1.01**job.seed, job.seed, job.steps)


def untaped(value: float, seed: int = 0, steps: int = 100) -> Record:
    record = Record(run=seed + 10, seed=seed)
    for step in range(steps):
        record.add(Reading("loss", "0", step, 5.0 if step < steps - 10 else value))
    record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1), 0, "0"))
    record.add(Ending("window", 0, steps))
    return record


def test_a_detached_loss_is_compared_by_itself_and_other_remedies_are_not_run():
    mend, other = replace(prescription("mend"), judged_on="training"), prescription("other")
    proof, _ = tried({}, [mend, other], untaped(1.0), Untaped({"pass": 1.0, "mend": 0.1, "other": 0.1}))
    assert verdicts(proof) == {"mend": "proved", "other": "failed"}
    assert proof.fix.before == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [(4.0, -3.0, "proved"), (4.9, -3.0, "proved"), (-0.1, -0.3, "no_effect")]
)
def test_a_loss_that_falls_below_zero_is_compared_by_its_descent(before, after, verdict):
    """The zero of a likelihood depends on its unit. The loss begins at 5 here."""
    mend = replace(prescription("mend"), judged_on="training")
    proof, _ = tried({}, [mend], untaped(before), Untaped({"pass": before, "mend": after}))
    assert verdicts(proof) == {"mend": verdict}
    [trial] = proof.trials
    assert trial.after == pytest.approx(1 / (5 - after), rel=0.05) and trial.metric.endswith("after 100 steps")
    assert trial.before == pytest.approx(1 / max(5 - before, 0.5), rel=0.2)  # at least a tenth of the first loss


def test_a_new_initialisation_is_compared_with_the_baseline_run():
    """On fresh seeds the unchanged script has another initialisation, too, and is as good."""

    class Starts(Table):
        def answer(self, job) -> Record:
            return record_of(1.0 if job.seed == 0 and "again" not in str(job.script.edits) else 0.01, job.seed)

    again = prescription("again")
    assert tried({}, [again], table=Starts({}))[0].fix is None
    proof, _ = tried({}, [replace(again, restart=True)], table=Starts({}))
    assert proof.fix is not None and (proof.fix.before, proof.fix.after) == (1.0, pytest.approx(0.01))


@pytest.mark.parametrize("varies", [True, False])
def test_a_script_with_other_examples_in_each_run_is_compared_unpaired(varies):
    class Drawn(Table):
        def answer(self, job) -> Record:
            self.digest = f"drawn {job.seed} {job.script.edits}"
            return super().answer(job)

    class Fixed(Table):
        def answer(self, job) -> Record:
            self.digest = "same" if next(iter(job.script.edits.values())).strip() == "pass" else "others"
            return super().answer(job)

    table = (Drawn if varies else Fixed)({"pass": 1.0, "a": 0.1})
    proof, _ = tried({}, [prescription("a")], table=table)
    assert verdicts(proof) == {"a": "proved" if varies else "failed"}
    assert ("different examples" in proof.trials[0].reason) != varies


class Evaluated(Table):
    """Trial runs that evaluate held-out data, by their own loss and by the evaluation metric."""

    def __init__(self, loss: float, evaluation_metric: float | None) -> None:
        super().__init__({"pass": 1.0, "a": 0.1})
        self.changed = {"evaluation_loss": loss, "evaluation_metric": evaluation_metric}

    def answer(self, job) -> Record:
        record, is_changed = super().answer(job), "a" in job.script.edits[SCRIPT.path].split()
        for name, value in self.changed.items():
            place = "" if name == "evaluation_loss" else "negative_log_likelihood 0"
            if value is not None:
                with_series(record, name, place, [2.0, value if is_changed else 1.0])
        return record


@pytest.mark.parametrize(
    ("loss", "evaluation_metric", "verdict", "says"),
    [
        (64.0, 0.9, "proved", ""),  # The edit changes the unit of the loss.
        (0.01, 2.0, "not_proved", "only fits the training examples"),
        (64.0, None, "proved", "could not be compared"),
    ],
)
def test_a_redefined_loss_is_no_evidence_of_overfitting(loss, evaluation_metric, verdict, says):
    proof, _ = tried({}, [prescription("a")], table=Evaluated(loss, evaluation_metric))
    assert (
        verdicts(proof) == {"a": verdict}
        and says in proof.trials[0].reason
        and bool(says) == bool(proof.trials[0].reason)
    )


def test_the_median_error_is_used_on_held_out_data_too():
    class Outliers(Evaluated):
        def answer(self, job) -> Record:
            record = super().answer(job)
            with_series(
                record,
                "median_error",
                "squared_error",
                [record.series("metric", record.places("metric")[0]).last],
            )
            return with_series(record, "evaluation_median_error", "squared_error 0", [0.5])

    baseline = with_series(record_of(1.0), "median_error", "squared_error", [1.0])
    mend = replace(prescription("a"), judged_on="median")
    proof, _ = tried({}, [mend], baseline, Outliers(64.0, 2.0))
    assert verdicts(proof) == {"a": "proved"}


@pytest.mark.parametrize(("name", "verdict"), [("test acc", "proved"), ("training acc", "not_proved")])
def test_a_gain_on_held_out_data_is_no_memorisation(name, verdict):
    """Another term of the script's loss may increase."""
    is_held_out = name == "test acc"

    class Both(Evaluated):
        def answer(self, job) -> Record:
            accuracy = 0.9 if "a" in job.script.edits[SCRIPT.path].split() else 0.4
            return printing(super().answer(job), accuracy, name, is_held_out)

    better = replace(prescription("a"), judged_on="metric")
    proof, _ = tried({}, [better], printing(record_of(1.0), 0.4, name, is_held_out), Both(2.0, 2.0))
    assert verdicts(proof) == {"a": verdict}
