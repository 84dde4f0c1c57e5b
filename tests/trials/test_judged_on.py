"""What a change is judged on where it is not the run's first examples."""

from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, record_of, tried, verdicts

from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.trials.yardsticks import yardstick


def with_series(record: Record, name: str, place: str, values: list[float]) -> Record:
    for step, value in enumerate(values, 1):
        record.add(Reading(name, place, 10 * step, value))
    return record


class Beside(Table):
    """Trial runs whose first examples cost the same, and which differ in another series."""

    def __init__(self, name: str, place: str, outcomes: dict[str, float]) -> None:
        super().__init__(dict.fromkeys(["pass", *outcomes], 1.0))
        self.name, self.place, self.differing = name, place, {"pass": 1.0, **outcomes}

    def answer(self, job) -> Record:
        text = next(iter(job.script.edits.values())).strip()
        return with_series(super().answer(job), self.name, self.place, [self.differing[text] * 1.01**job.seed] * 4)


KINDS = [
    ("held_out", "evaluation_loss", ""),
    ("median", "median_error", "squared_error"),
    ("spread", "spread_yardstick", "negative_log_likelihood"),
]


@pytest.mark.parametrize(("judged_on", "name", "place"), KINDS)
def test_a_change_is_judged_by_its_own_measure(judged_on, name, place):
    baseline = with_series(record_of(1.0), name, place, [1.0] * 4)
    better, worse = (replace(prescription(text), judged_on=judged_on) for text in ("better", "worse"))
    proof, _ = tried({}, [better, worse], baseline, Beside(name, place, {"better": 0.2, "worse": 1.5}))
    assert verdicts(proof) == {"better": "proved", "worse": "worse"}
    assert proof.cure.before == pytest.approx(1.0, abs=0.1) and proof.cure.after == pytest.approx(0.2, abs=0.05)


class Printing(Table):
    """Trial runs that print an accuracy of their own."""

    named = "test acc"

    def answer(self, job) -> Record:
        text = next(iter(job.script.edits.values())).strip()
        return printing(super().answer(job), self.outcomes[text] - 0.01 * job.seed, self.named)


def printing(record: Record, accuracy: float, name: str = "test acc", is_held_out: bool = True) -> Record:
    told = facts.OwnNumber(rises=True, is_share="acc" in name, is_loss=False, is_held_out=is_held_out)
    record.add(Fact.of(told, 0, name))
    return with_series(record, "own_number", name, [0.1] * 9 + [accuracy])


def test_a_change_is_judged_by_what_the_script_prints_itself():
    baseline = printing(record_of(1.0), 0.4)
    better, worse, mute = (replace(prescription(text), judged_on="metric") for text in ("better", "worse", "mute"))
    outcomes = {"pass": 0.4, "better": 0.9, "worse": 0.2, "mute": float("nan")}
    proof, _ = tried({}, [better, worse, mute], baseline, Printing(outcomes))
    assert verdicts(proof) == {"better": "proved", "worse": "worse", "mute": "failed"}
    assert proof.cure.before == pytest.approx(0.63, abs=0.01) and proof.cure.after == pytest.approx(0.13, abs=0.01)
    assert proof.cure.metric == "1 − 'test acc', which the script prints itself, after 100 steps"
    assert "does not print" in next(t for t in proof.trials if t.label == "mute").reason


def test_what_has_no_name_must_take_off_half():
    baseline = printing(record_of(1.0), 0.4)
    asked = [replace(prescription(text), judged_on="metric", much=True) for text in ("some", "much")]
    proof, _ = tried({}, asked, baseline, Printing({"pass": 0.4, "some": 0.6, "much": 0.9}))
    assert verdicts(proof) == {"some": "no_effect", "much": "proved"}


def test_a_number_without_bounds_is_read_by_the_exam_alone():
    """Of the trial runs nobody knows what they are without learning."""
    baseline = printing(record_of(1.0), 4.0, "mean reward")
    baseline.add(Fact.of(facts.Untrained(2.0), 0, "mean reward"))
    better = replace(prescription("better"), judged_on="metric")
    table = Printing({"pass": 4.0, "better": 9.0})
    table.named = "mean reward"
    proof, _ = tried({}, [better], baseline, table)
    assert verdicts(proof) == {"better": "proved"} and proof.cure.after == pytest.approx(1 / 7, abs=0.01)
    assert proof.cure.metric.startswith("1 / gain in 'mean reward' over the untrained network's 2,")


def test_what_comes_behind_the_last_step_is_heard_too():
    baseline = printing(record_of(1.0, reason="finished"), 0.4)
    _, table = tried({}, [replace(prescription("a"), judged_on="metric")], baseline, Printing({"pass": 0.4, "a": 0.9}))
    assert {job.steps for job in table.jobs} == {110}


def test_the_last_evaluations_are_averaged():
    record = with_series(record_of(1.0), "evaluation_loss", "", [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 1.0, 2.0, 3.0])
    assert yardstick(record, "held_out") == ("evaluation_loss", 2.0)


def test_of_few_evaluations_the_last_one_counts():
    record = with_series(record_of(1.0), "evaluation_loss", "", [9.0, 3.0])
    assert yardstick(record, "held_out") == ("evaluation_loss", 3.0)


def test_one_infinite_loss_on_the_way_is_no_divergence():
    baseline = record_of(1.0)
    for step, value in enumerate([4.0] * 30 + [float("inf"), 2.0, 2.0]):
        baseline.add(Reading("loss", "0", step, value))
    assert yardstick(baseline, "training", baseline)[1] == 2.0
    baseline.ending = Ending("interrupted", 130, 100)
    assert yardstick(baseline, "training", baseline)[1] != 2.0


def test_the_exam_tells_where_held_out_data_are_evaluated():
    """Training data are evaluated elsewhere, and a trial run that stops early may cost more there."""
    baseline, trial_run = record_of(1.0), record_of(1.0)
    for record, place, values in (
        (baseline, "", [2, 0.1]),
        (baseline, "1", [1, 3.0]),
        (trial_run, "", [2, 1.5]),
        (trial_run, "1", [1, 1.0]),
    ):
        with_series(record, "evaluation_loss", place, values)
    assert yardstick(baseline, "held_out", baseline)[1] == 3.0 and yardstick(trial_run, "held_out", baseline)[1] == 1.0


def test_without_held_out_data_it_is_said():
    proof, table = tried({"a": 0.1}, [replace(prescription("a"), judged_on="held_out")])
    assert verdicts(proof) == {"a": "failed"} and "held-out" in proof.trials[0].reason and not table.jobs


class Untaped(Table):
    """Trial runs of a script of which no step can be taped: they show their training loss alone."""

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


def test_a_loss_without_a_graph_is_judged_by_itself_and_other_remedies_are_not_tried():
    mend, other = replace(prescription("mend"), judged_on="training"), prescription("other")
    proof, _ = tried({}, [mend, other], untaped(1.0), Untaped({"pass": 1.0, "mend": 0.1, "other": 0.1}))
    assert verdicts(proof) == {"mend": "proved", "other": "failed"}
    assert proof.cure.before == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [(4.0, -3.0, "proved"), (4.9, -3.0, "proved"), (-0.1, -0.3, "no_effect")]
)
def test_a_loss_that_falls_below_zero_is_judged_by_how_far_it_comes_down(before, after, verdict):
    """A likelihood's zero is that of its unit: it begins at 5 here."""
    mend = replace(prescription("mend"), judged_on="training")
    proof, _ = tried({}, [mend], untaped(before), Untaped({"pass": before, "mend": after}))
    assert verdicts(proof) == {"mend": verdict}
    [trial] = proof.trials
    assert trial.after == pytest.approx(1 / (5 - after), rel=0.05) and trial.metric.endswith("after 100 steps")
    assert trial.before == pytest.approx(1 / max(5 - before, 0.5), rel=0.2)  # a tenth of the first at least


def test_another_start_is_held_against_the_run_as_it_came():
    """On fresh seeds the unchanged script starts elsewhere, too: there it is as good."""

    class Starts(Table):
        def answer(self, job) -> Record:
            return record_of(1.0 if job.seed == 0 and "again" not in str(job.script.edits) else 0.01, job.seed)

    again = prescription("again")
    assert tried({}, [again], table=Starts({}))[0].cure is None
    proof, _ = tried({}, [replace(again, restart=True)], table=Starts({}))
    assert proof.cure is not None and (proof.cure.before, proof.cure.after) == (1.0, pytest.approx(0.01))


@pytest.mark.parametrize("varies", [True, False])
def test_a_script_that_is_shown_other_examples_in_each_run_is_judged_unpaired(varies):
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
    assert ("other examples" in proof.trials[0].reason) != varies


class Evaluated(Table):
    """Trial runs that evaluate held-out data: by their own loss, and by the yardstick."""

    def __init__(self, loss: float, yardstick: float | None) -> None:
        super().__init__({"pass": 1.0, "a": 0.1})
        self.changed = {"evaluation_loss": loss, "evaluation_yardstick": yardstick}

    def answer(self, job) -> Record:
        record, is_changed = super().answer(job), "a" in job.script.edits[SCRIPT.path].split()
        for name, value in self.changed.items():
            place = "" if name == "evaluation_loss" else "negative_log_likelihood 0"
            if value is not None:
                with_series(record, name, place, [2.0, value if is_changed else 1.0])
        return record


@pytest.mark.parametrize(
    ("loss", "yardstick", "verdict", "says"),
    [
        (64.0, 0.9, "proved", ""),  # the change has given the loss another unit
        (0.01, 2.0, "not_proved", "training examples only"),
        (64.0, None, "proved", "could not be compared"),
    ],
)
def test_a_loss_that_the_change_redefines_says_nothing_of_held_out_data(loss, yardstick, verdict, says):
    proof, _ = tried({}, [prescription("a")], table=Evaluated(loss, yardstick))
    assert (
        verdicts(proof) == {"a": verdict}
        and says in proof.trials[0].reason
        and bool(says) == bool(proof.trials[0].reason)
    )


def test_what_is_judged_by_the_median_is_so_on_held_out_data_too():
    class Outliers(Evaluated):
        def answer(self, job) -> Record:
            record = super().answer(job)
            with_series(
                record,
                "median_error",
                "squared_error",
                [record.series("yardstick", record.places("yardstick")[0]).last],
            )
            return with_series(record, "evaluation_median_error", "squared_error 0", [0.5])

    baseline = with_series(record_of(1.0), "median_error", "squared_error", [1.0])
    mend = replace(prescription("a"), judged_on="median")
    proof, _ = tried({}, [mend], baseline, Outliers(64.0, 2.0))
    assert verdicts(proof) == {"a": "proved"}


@pytest.mark.parametrize(("name", "verdict"), [("test acc", "proved"), ("training acc", "not_proved")])
def test_what_is_gained_on_held_out_data_is_no_memory(name, verdict):
    """Another of the script's terms may be the dearer for it."""
    is_held_out = name == "test acc"

    class Both(Evaluated):
        def answer(self, job) -> Record:
            accuracy = 0.9 if "a" in job.script.edits[SCRIPT.path].split() else 0.4
            return printing(super().answer(job), accuracy, name, is_held_out)

    better = replace(prescription("a"), judged_on="metric")
    proof, _ = tried({}, [better], printing(record_of(1.0), 0.4, name, is_held_out), Both(2.0, 2.0))
    assert verdicts(proof) == {"a": verdict}
