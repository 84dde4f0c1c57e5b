"""A consultation that ends early, at the deadline or by Ctrl-C: what it has found so far is kept and marked."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from tables import MONITOR, SCRIPT, record_of

from descend.core.deadline import Deadline
from descend.core.interruption import Interruption
from descend.doctor import observation_window, pipeline, remedy_rounds
from descend.doctor.assess.symptom import Symptom
from descend.doctor.case import Case
from descend.doctor.observation_window import observe_script, shortened_observation_message
from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.report.left_out import left_out_message
from descend.doctor.report.verdict import verdict
from descend.doctor.script.plan import Plan
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial

INTERRUPTED = Ending("interrupted", 143, 3)
FINDING = Symptom(True, "The loss rises.", "norm", 3.0, 2.0, "a paper", id="instability", kind="dynamics")
TRIED = Trial(("learning_rate",), "lower", "instability", "worse", "", 1.0, 2.0, (0, 0), (0, 0), (0,))


class Clock:
    """A clock that only observed runs advance."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class ObservedRuns(RunContext):
    """A context whose observed runs are known. Each one takes ten seconds of the clock."""

    answer: Callable[[Plan], Record] = lambda plan: record_of(1.0)
    plans: list[Plan] = field(default_factory=list)

    def observe(self, script, plan, parent=None) -> Record:
        self.plans.append(plan)
        if isinstance(self.deadline.clock, Clock):
            self.deadline.clock.now += 10
        return self.answer(plan)


def context_with(answer: Callable[[Plan], Record], seconds: float | None = None) -> ObservedRuns:
    deadline = Deadline() if seconds is None else Deadline.after(seconds, Clock())
    return ObservedRuns(None, lambda record, messages: None, ExternalFiles(), deadline=deadline, answer=answer)


def staged_run(stages: int = 3) -> Record:
    """Return the record of a script that trains in several stages of 50 steps, each with an optimizer of its own."""
    record = Record(role="baseline")
    record.add(Fact.of(MONITOR, 0))
    for key in range(stages):
        after = {str(earlier): 50 for earlier in range(key)}
        record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=9, lr=0.1, after=after), 0, str(key)))
        for step in range(50):
            record.add(Reading("loss", str(key), step, 1 / (1 + step)))
    record.add(Ending("finished", 0, 50 * stages, wall_s=10.0))
    return record


def stage_run(plan: Plan) -> Record:
    record = record_of(0.01)
    record.add(Fact.of(plan.stage, 0))
    record.ending = replace(record.ending, wall_s=10.0)
    return record


@pytest.fixture
def healthy_runs(monkeypatch):
    """Let each run be diagnosed without a symptom."""
    monkeypatch.setattr(pipeline, "run_trials", lambda study: Proof())


def diagnose_stages(seconds: float | None) -> tuple[Case, ObservedRuns]:
    context = context_with(stage_run, seconds)
    return pipeline._diagnose_script(SCRIPT, Plan(), context, staged_run()), context


def test_stages_that_do_not_fit_into_the_budget_leave_the_case_undecided(healthy_runs):
    case, context = diagnose_stages(15.0)
    assert [plan.stage.number for plan in context.plans] == [1]
    assert (case.proof.limit, case.proof.skipped) == ("budget", ("stages 2 to 3 of the training",))
    assert case.status == "undecided" and "stages_not_examined" in case.undecided_because
    assert "stages 2 to 3" in left_out_message(case) and "--budget" in verdict(case)


def test_no_stage_is_observed_after_the_deadline(healthy_runs):
    case, context = diagnose_stages(5.0)
    assert context.plans == [] and case.proof.skipped == ("stages 1 to 3 of the training",)
    assert case.status == "undecided"


def test_a_stage_whose_run_the_deadline_has_ended_is_not_examined(healthy_runs):
    case, context = diagnose_stages(20.0)  # The second run ends just at the deadline.
    assert len(context.plans) == 2 and case.proof.skipped == ("stages 2 to 3 of the training",)


def test_with_enough_time_all_stages_are_examined(healthy_runs):
    case, context = diagnose_stages(None)
    assert [plan.stage.number for plan in context.plans] == [1, 2, 3]
    assert (case.proof.limit, case.proof.skipped) == ("", ()) and "stages_not_examined" not in case.undecided_because


def test_no_further_stage_is_examined_once_the_time_for_trials_is_over(monkeypatch):
    monkeypatch.setattr(pipeline, "run_trials", lambda study: Proof(limit="budget", skipped=("a proof",)))
    case, context = diagnose_stages(100.0)
    assert len(context.plans) == 1 and case.proof.skipped == ("a proof", "stages 2 to 3 of the training")


def repeat(seconds: float | None, longer: Record, proof: Proof) -> tuple[Study, Proof, Study]:
    """Repeat an observed run whose remedies have shown no gain. proof: the result for the longer run."""
    baseline = record_of(1.0)
    baseline.ending = replace(baseline.ending, wall_s=10.0)
    study = Study(SCRIPT, baseline, Plan(), context_with(lambda plan: longer, seconds))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "run_trials", lambda study: proof)
        return (*pipeline._repeat_for_longer(study, Proof((FINDING,), trials=(TRIED,))), study)


def test_a_longer_observation_that_does_not_fit_is_not_started():
    kept, proof, study = repeat(39.0, record_of(0.1), Proof())
    assert kept is study and study.context.plans == [] and proof.trials == (TRIED,)
    assert proof.limit == "budget" and "400 steps" in proof.skipped[0]


@pytest.mark.parametrize(
    ("longer", "later"),
    [
        (record_of(0.1), Proof((FINDING,), limit="budget")),
        (replace(record_of(0.1), ending=INTERRUPTED), Proof((FINDING,))),
        (record_of(0.1), Proof((FINDING,), interrupted=True, interruption=143)),
    ],
)
def test_a_longer_observation_without_a_result_keeps_the_first_one(longer, later):
    kept, proof, study = repeat(40.0, longer, later)
    assert kept is study and proof.trials == (TRIED,)
    was_interrupted = later.interrupted or longer.ending is INTERRUPTED
    assert (proof.interrupted, proof.limit) == (was_interrupted, "" if was_interrupted else "budget")
    assert not was_interrupted or proof.interruption == 143


@pytest.mark.parametrize("later", [Proof((FINDING,)), Proof((FINDING,), fix=TRIED, limit="budget")])
def test_a_longer_observation_with_a_result_replaces_the_first_one(later):
    kept, proof, _ = repeat(None, longer := record_of(0.1), later)
    assert kept.baseline is longer and proof is later


def interrupted_once(function: Callable) -> Callable:
    """Return a function that raises `Interruption` at its first call, and later calls the given one."""
    calls = []

    def call(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 1:
            raise Interruption(143)
        return function(*arguments, **options)

    return call


def test_ctrl_c_during_the_diagnosis_keeps_its_findings(monkeypatch):
    diagnose = interrupted_once(lambda *arguments, **options: [FINDING])
    monkeypatch.setattr("descend.doctor.hypotheses.diagnose", diagnose)
    monkeypatch.setattr("descend.doctor.hypotheses.general_symptoms", lambda *arguments, **options: [])
    proof = remedy_rounds.run_trials(Study(SCRIPT, record_of(1.0), Plan(), context_with(stage_run)))
    assert proof.interrupted and proof.interruption == 143 and proof.symptoms == (FINDING,)


def test_ctrl_c_during_the_prescription_keeps_the_findings(monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("descend.doctor.hypotheses.diagnose", lambda *arguments, **options: [FINDING])
    monkeypatch.setattr("descend.doctor.hypotheses.general_symptoms", lambda *arguments, **options: [])
    monkeypatch.setattr(remedy_rounds, "prescribe", interrupt)
    proof = remedy_rounds.run_trials(Study(SCRIPT, record_of(1.0), Plan(), context_with(stage_run)))
    assert proof.interrupted and proof.symptoms == (FINDING,)


def test_ctrl_c_during_the_observation_of_a_later_training_ends_the_consultation(monkeypatch):
    monkeypatch.setattr(observation_window, "_has_later_training", lambda *arguments: True)
    runs = iter([record_of(1.0), Record(ending=INTERRUPTED)])
    context = context_with(lambda plan: next(runs))
    whole, _ = observe_script(SCRIPT, Plan().with_fixed_steps(100), context)
    assert whole.ending.reason == "interrupted" and whole.ending.status == 143
    assert len(whole.series("loss", "0")) and not whole.can_be_compared
    case = pipeline._diagnose_script(SCRIPT, Plan(), context, whole)
    assert case.proof.interrupted and case.exit_status == 143


@pytest.mark.parametrize(
    ("part", "plan"), [("build_case", Plan().with_fixed_steps(100)), ("_repeat_for_longer", Plan())]
)
def test_ctrl_c_after_the_trials_keeps_their_results(monkeypatch, part, plan):
    monkeypatch.setattr(pipeline, "run_trials", lambda study: Proof((FINDING,), trials=(TRIED,)))
    monkeypatch.setattr(pipeline, part, interrupted_once(getattr(pipeline, part)))
    case = pipeline._diagnose_run(Study(SCRIPT, record_of(1.0), plan, context_with(stage_run)))
    assert case.proof.interrupted and case.exit_status == 143
    assert case.trials == (TRIED,) and [finding.id for finding in case.findings] == [FINDING.id]


def test_ctrl_c_while_the_rest_is_listed_keeps_the_results(monkeypatch):
    monkeypatch.setattr("descend.doctor.hypotheses.diagnose", lambda *arguments, **options: [FINDING])
    monkeypatch.setattr("descend.doctor.hypotheses.general_symptoms", lambda *arguments, **options: [])
    monkeypatch.setattr(remedy_rounds, "_rounds", lambda *arguments: {})
    monkeypatch.setattr(remedy_rounds, "add_left_out", interrupted_once(remedy_rounds.add_left_out))
    proof = remedy_rounds.run_trials(Study(SCRIPT, record_of(1.0), Plan(), context_with(stage_run)))
    assert proof.interrupted and proof.interruption == 143 and proof.symptoms == (FINDING,)


def test_ctrl_c_while_a_later_training_is_searched_keeps_the_run(monkeypatch):
    monkeypatch.setattr(observation_window, "_has_later_training", interrupted_once(lambda *arguments: False))
    whole, _ = observe_script(SCRIPT, Plan().with_fixed_steps(100), context_with(lambda plan: record_of(1.0)))
    assert (whole.ending.reason, whole.ending.status) == ("interrupted", 143) and len(whole.series("loss", "0"))


def test_no_further_run_begins_after_the_deadline(monkeypatch):
    context = context_with(lambda plan: record_of(1.0), 15.0)

    def count_slowly(*arguments):
        context.deadline.clock.now += 10
        return 200

    monkeypatch.setattr(observation_window, "_has_later_training", lambda *arguments: True)
    monkeypatch.setattr(observation_window, "count_steps_to_evaluation", count_slowly)
    observe_script(SCRIPT, Plan(), context)
    assert len(context.plans) == 1


def skip_round(monkeypatch, fix: Trial | None) -> Proof:
    """Run the trials of a study whose first round is out of time, after it has proved a fix or without one."""

    def prove(stages, study, proof):
        yield replace(proof, fix=fix, trials=(fix,) if fix else ())
        study.times.ran_out = True
        raise OutOfTime

    monkeypatch.setattr("descend.doctor.hypotheses.diagnose", lambda *arguments, **options: [FINDING])
    monkeypatch.setattr("descend.doctor.hypotheses.general_symptoms", lambda *arguments, **options: [])
    monkeypatch.setattr(remedy_rounds, "prove_and_check", prove)
    rounds = remedy_rounds._rounds
    monkeypatch.setattr(remedy_rounds, "_rounds", lambda *given: dict([*rounds(*given).items()][:1]))
    return remedy_rounds.run_trials(Study(SCRIPT, record_of(1.0), Plan(), context_with(stage_run)))


def test_a_proved_fix_is_not_listed_as_a_proof_that_was_left_out(monkeypatch):
    assert skip_round(monkeypatch, None).skipped == (remedy_rounds.PROOF,)
    assert skip_round(monkeypatch, replace(TRIED, verdict="proved")).skipped == (remedy_rounds.COMPARISON,)


def observed(steps: int, trained_s: float) -> Record:
    record = Record(role="baseline")
    record.add(Ending("window", 0, steps, wall_s=2 * trained_s, loop_s=2 * trained_s, probe_s=trained_s))
    return record


def test_an_observation_that_the_budget_has_shortened_is_listed():
    shortened = replace(Plan(jobs=1), budget_s=30.0)
    _, plan = observation_window.limit_to_budget(shortened, Clock())
    assert "after step 120, because --budget" in shortened_observation_message(observed(120, plan.seconds), plan)
    assert shortened_observation_message(observed(120, 60.0), Plan()) == ""
    assert shortened_observation_message(observed(1000, 1.0), plan) == ""  # all steps
    assert shortened_observation_message(observed(300, 5.0), replace(plan, budget_s=300.0, seconds=40.0)) == ""
    _, own = observation_window.limit_to_budget(replace(shortened, seconds=0.5), Clock())
    assert shortened_observation_message(observed(120, 0.5), own) == ""  # The user has set this limit.


@pytest.mark.parametrize("plan", [Plan(quick=True), Plan(seeds=5, jobs=1)])
def test_a_shortened_observation_is_listed_even_if_nothing_else_was_left_out(monkeypatch, plan):
    monkeypatch.setattr("descend.doctor.hypotheses.diagnose", lambda *arguments, **options: [])
    monkeypatch.setattr("descend.doctor.hypotheses.general_symptoms", lambda *arguments, **options: [])
    deadline, plan = observation_window.limit_to_budget(replace(plan, budget_s=30.0), Clock())
    record = observed(120, plan.seconds)
    proof = remedy_rounds.run_trials(Study(SCRIPT, record, plan, context_with(stage_run)))
    assert "--budget" in left_out_message(Case(record, (), proof=proof))
    assert proof.limit == ("quick" if plan.quick else "")


def test_a_new_or_withdrawn_fix_is_shown_once():
    fix = replace(TRIED, verdict="proved", script=SCRIPT)
    proved = Proof(trials=(fix,), fix=fix)
    withdrawn = proved.with_fix_rejected("a reason")
    assert remedy_rounds._changed_fix(Proof(), proved) is fix and remedy_rounds._changed_fix(proved, proved) is None
    assert remedy_rounds._changed_fix(proved, withdrawn).reason == "a reason"
    assert remedy_rounds._changed_fix(withdrawn, withdrawn) is None
