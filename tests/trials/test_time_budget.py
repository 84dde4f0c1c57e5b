"""A consultation with a deadline: the most promising remedies first, a proof if one fits, a list of what is missing."""

import threading
from dataclasses import dataclass, field, replace
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import SCRIPT, prescription, record_of

from descend.core.deadline import Deadline
from descend.doctor.observation_window import FINISHING, FINISHING_S, limit_to_budget
from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.script.plan import Plan
from descend.doctor.trials import study as study_module
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.prove import prove
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.study import Job, Study

RUN_S = 1.0  # duration of each trial run, by the clock of the test


class Clock:
    """A clock that only trial runs advance."""

    now = 500.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class TimedStudy(Study):
    """A study with known costs for each edited text. Its runs are predicted to take one second each."""

    costs: dict[str, float] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    ran: list[str] = field(default_factory=list)
    run_s: float = RUN_S

    def _run_one(self, job: Job, record: Record, stop: threading.Event) -> Record:
        text = job.script.edits[SCRIPT.path].strip()
        self.ran.append(text)
        self.clock.now += self.run_s
        cost = self.costs.get(text) or min(self.costs[name] for name in text)  # of several edits, the best decides
        ran = record_of(cost * (1 + 0.02 * job.seed), job.seed, job.steps)
        ran.ending = replace(ran.ending, weights=f"{text} {cost}")
        if self.context.deadline.is_over:
            ran.ending = None
        return ran


def study_with(seconds: float, **costs: float) -> TimedStudy:
    clock = Clock()
    context = RunContext(None, lambda record, messages: None, ExternalFiles(), deadline=Deadline.after(seconds, clock))
    baseline = record_of(1.0)
    baseline.ending = replace(baseline.ending, wall_s=RUN_S)
    return TimedStudy(SCRIPT, baseline, Plan(jobs=1), context, costs={"pass": 1.0, **costs}, clock=clock)


def consult(study: Study, *texts: str) -> Proof:
    """Try the remedies with these texts, in this order, until the time is over; return the last proof."""
    proof = Proof()
    prescriptions = [prescription(text, f"symptom of {text}") for text in texts]
    try:
        for current in prove([lambda rejected: [p for p in prescriptions if p.symptom not in rejected]], study, proof):
            proof = current
    except OutOfTime:
        pass
    return proof


def test_without_a_limit_everything_fits_and_nothing_is_over():
    assert Deadline().fits(1e300) and Deadline().left_s == inf and not Deadline().is_over


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_run_fits_exactly_if_it_ends_by_the_deadline(seconds, passed):
    clock = Clock()
    deadline = Deadline.after(seconds, clock)
    clock.now += passed
    assert deadline.is_over == (deadline.left_s == 0)
    assert deadline.left_s == pytest.approx(max(0.0, seconds - passed), abs=1e-6)
    assert deadline.fits(deadline.left_s) and not deadline.fits(deadline.left_s + 1)


@given(st.floats(10, 1e7), st.integers(2, 50), st.integers(1, 64))
def test_the_observed_run_and_the_shortest_proof_fit_the_budget_together(budget_s, seeds, jobs):
    limited = Plan(budget_s=budget_s, began=Clock.now, seeds=seeds, jobs=jobs, seconds=inf)
    deadline, plan = limit_to_budget(limited, Clock())
    assert (2 + plan.proof_length) * plan.seconds == pytest.approx(budget_s)
    assert plan.until == deadline.at == pytest.approx(Clock.now + budget_s - FINISHING_S)


@pytest.mark.parametrize(("start_s", "finishing_s"), [(0.5, FINISHING_S), (20.0, FINISHING * 20.0)])
def test_the_start_counts_and_a_slow_one_leaves_more_time_for_the_report(start_s, finishing_s):
    deadline, _ = limit_to_budget(Plan(budget_s=100.0, began=Clock.now - start_s), Clock())
    assert deadline.at == pytest.approx(Clock.now - start_s + 100.0 - finishing_s)


@given(st.floats(10, 1e7))
def test_a_quick_consultation_reserves_no_time_for_a_proof(budget_s):
    _, plan = limit_to_budget(Plan(budget_s=budget_s, quick=True, seconds=inf), Clock())
    assert 2 * plan.seconds == pytest.approx(budget_s)


def test_without_a_budget_the_window_is_unchanged():
    assert limit_to_budget(Plan(), Clock()) == (Deadline(), Plan())


def test_with_enough_time_all_remedies_are_tried_and_one_is_proved():
    study = study_with(100, a=0.5, b=0.9, c=0.1)
    proof = consult(study, "a", "b", "c")
    assert proof.fix.label == "c" and {"a", "b", "c"} <= set(study.ran)
    assert not study.times.ran_out


def test_the_first_remedies_are_tried_as_long_as_a_proof_still_fits():
    # A proof with five seeds takes fourteen seconds here, and each remedy one.
    study = study_with(17.5, a=0.9, b=0.1, c=0.05, d=0.01)
    proof = consult(study, "a", "b", "c", "d")
    assert study.ran[:3] == ["a", "b", "c"] and "d" not in study.ran
    assert proof.fix.label == "c" and study.times.ran_out
    assert study.clock.now <= study.context.deadline.at
    assert "d" not in {trial.label for trial in proof.trials}


def test_remedies_are_tried_up_to_the_deadline_if_no_proof_fits():
    study = study_with(2.5, a=0.9, b=0.1, c=0.05)
    proof = consult(study, "a", "b", "c")
    assert study.ran == ["a", "b"] and proof.fix is None and study.times.ran_out
    assert {trial.label: trial.verdict for trial in proof.trials} == {"a": "no_effect", "b": "helps"}


def test_the_time_that_was_kept_for_a_proof_is_used_if_no_remedy_helps():
    study = study_with(16.5, a=1.0, b=1.0, c=1.0, d=1.0)
    consult(study, "a", "b", "c", "d")
    assert study.ran[:4] == ["a", "b", "c", "d"]


def test_a_problem_without_a_trial_of_its_remedies_is_not_ruled_out():
    study = study_with(1.5, a=1.0, b=1.0)
    proof = consult(study, "a", "b")
    assert study.ran == ["a"] and "symptom of b" not in proof.dismissed | proof.judged


def test_a_run_that_would_end_too_late_is_not_started():
    study = study_with(10, a=0.5)
    study.clock.now += 9.5
    with pytest.raises(OutOfTime):
        study.run([Job(SCRIPT, 0, 100)])
    assert study.ran == []


def test_a_run_that_is_cut_off_at_the_deadline_does_not_count():
    study = replace(study_with(10, a=0.5, b=0.1), run_s=6.0)
    proof = consult(study, "a", "b")
    assert study.ran == ["a", "b"] and study.context.deadline.is_over
    assert [trial.label for trial in proof.trials] == ["a"] and proof.fix is None


def test_a_run_that_is_cut_off_to_delete_its_files_does_not_count():
    study = replace(study_with(10, a=0.5, b=0.1), run_s=4.0)
    context = replace(study.context, deadline=replace(study.context.deadline, deletion_s=lambda: 3.0))
    proof = consult(replace(study, context=context), "a", "b")
    assert study.ran == ["a", "b"] and not study.context.deadline.is_over and context.deadline.is_over
    assert [trial.label for trial in proof.trials] == ["a"] and proof.fix is None


def test_the_prediction_follows_the_durations_of_earlier_runs():
    study = study_with(100, a=0.5)
    job = Job(SCRIPT, 0, 100)
    assert study.has_time_for([job] * 100) and not study.has_time_for([job] * 101)
    study.times.add(20.0, 200)
    assert study.has_time_for([job] * 10) and not study.has_time_for([job] * 11)
    assert study.has_time_for([Job(SCRIPT, 0, 200)] * 5) and not study.has_time_for([Job(SCRIPT, 0, 200)] * 6)


def test_the_prediction_is_the_same_for_a_baseline_with_another_number_of_steps():
    study = study_with(100, a=0.5)
    study.times.add(20.0, 200)
    longer = study.for_script(SCRIPT, record_of(1.0, steps=400))
    assert longer.has_time_for([Job(SCRIPT, 0, 400)] * 2) and not longer.has_time_for([Job(SCRIPT, 0, 400)] * 3)


def test_a_script_without_optimizer_steps_is_predicted_by_its_backward_passes():
    study = study_with(10, a=0.5)
    baseline = record_of(1.0, steps=0)
    baseline.readings.clear()
    baseline.add(Fact.of(facts.BackwardPasses(100), 0))
    baseline.ending = replace(baseline.ending, wall_s=RUN_S)
    study = study.for_script(SCRIPT, baseline)
    assert study.has_time_for([Job(SCRIPT, 0, 100)] * 10) and not study.has_time_for([Job(SCRIPT, 0, 100)] * 11)


@pytest.mark.parametrize(
    ("ending", "is_counted"),
    [
        (Ending("finished", 0, 60), True),
        (Ending("window", 0, 100), True),
        (Ending("window", 0, 60), False),
        (Ending("failed", 1, 60, error="ValueError"), False),
        (None, False),
    ],
)
def test_only_complete_runs_count_as_run_times(monkeypatch, ending, is_counted):
    def run(script, plan, record, listen, server):
        for step in range(ending.steps if ending else 0):
            record.add(Reading("loss", "0", step, 1.0))
        record.ending = ending

    monkeypatch.setattr(study_module, "run", run)
    monkeypatch.setattr(study_module, "store_record", lambda store, record: None)
    base = study_with(100)
    Study(SCRIPT, base.baseline, base.plan, base.context, times=base.times).run([Job(SCRIPT, 0, 100)])
    assert bool(base.times.step_s) is is_counted
