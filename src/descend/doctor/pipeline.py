"""The whole consultation on one screen: script → run → record → symptoms → prescriptions → trials → report."""

import time
from collections.abc import Callable
from dataclasses import replace

from descend.doctor.case import Case
from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.diagnosis import ids_to_check
from descend.doctor.execution.forking import fork_server
from descend.doctor.findings import build_case
from descend.doctor.hypotheses import Hypotheses
from descend.doctor.observation_window import limit_to_budget, observe_script, stage_plans, window_was_too_short
from descend.doctor.observe import Show
from descend.doctor.record import Record
from descend.doctor.record.recording import store_parent
from descend.doctor.record.store import Store
from descend.doctor.remedy_rounds import run_trials
from descend.doctor.script.file_change import changes_of
from descend.doctor.script.plan import Plan
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script
from descend.doctor.script.source_snapshot import SourceSnapshot
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial
from descend.doctor.untried import without_trials

LONGER = 4  # factor for the number of steps if the remedy of a certain problem shows no gain in the observed steps


def doctor(
    script: Script,
    plan: Plan,
    store: Store,
    show: Show,
    cluster: Cluster | None = None,
    show_fix: Callable[[Trial], None] = lambda fix: None,
) -> Case:
    """Find out why a script's training fails, and prove a fix. If the user presses Ctrl-C, return the results so far.

    cluster: where the trials run; None for this machine. show_fix: called with each fix as soon as it is proved, and
    again if it is withdrawn.
    """
    options = plan.options
    deadline, plan = limit_to_budget(plan)
    script = replace(script, sources=(sources := SourceSnapshot()))
    with fork_server(script) as server:
        deadline = replace(deadline, deletion_s=lambda: server.links.slowest_s)
        context = RunContext(store, show, ExternalFiles(sources), server, cluster, deadline, show_fix)
        whole, plan = observe_script(script, plan, context)
        case = _diagnose_script(script, plan, context, whole)
    repetitions = [run for run in context.baselines if run != case.record.run]
    if repetitions and case.record.run:
        store_parent(store, repetitions, case.record)
    edited = case.fix.script if case.fix else None
    return replace(
        case,
        left_out=tuple(CATALOG.keys() - ids_to_check(plan.select, plan.ignore)),
        streamed=script.streamed,
        options=options,
        changes=() if edited is None or script.streamed else changes_of(edited),
        total_s=time.monotonic() - plan.began,
    )


def _diagnose_script(script: Script, plan: Plan, context: RunContext, whole: Record) -> Case:
    """Diagnose a run or, if its training has stages, each of them until one has a finding or the time is over."""
    plans = stage_plans(plan, whole)
    if not plans:
        return _diagnose_run(Study(script, whole, plan, context))
    observed_s = whole.ending.wall_s if whole.ending else 0.0
    cases: list[Case] = []
    for stage_plan in plans:
        if not context.deadline.fits(observed_s) or (cases and cases[-1].proof.limit):
            break
        record = context.observe(script, stage_plan)
        if context.deadline.is_over and record.ending is not None and record.ending.reason == EndReason.WINDOW:
            break  # The deadline has ended the run, so the stage was not observed to its end.
        cases.append(_diagnose_run(Study(script, record, stage_plan, context)))
        if cases[-1].is_settled:  # Later stages depend on the result of this stage.
            return cases[-1]
    left = range(len(cases) + 1, len(plans) + 1)
    if not cases:
        study = Study(script, whole, plan, context)
        cases.append(build_case(whole, without_trials(Hypotheses(script, plan, whole), study)))
    undecided = next((case for case in cases if case.undecided_suspicions), cases[-1])
    case = replace(undecided, record=whole)
    if not left:
        return case
    stages = f"stages {left[0]} to {left[-1]} of the training" if len(left) > 1 else f"stage {left[0]} of the training"
    return replace(case, proof=replace(case.proof, limit="budget", skipped=(*case.proof.skipped, stages)))


def _diagnose_run(study: Study) -> Case:
    """Diagnose one recorded run and try its remedies; if the run was too short to show a gain, repeat it for longer.

    If the user presses Ctrl-C, the case has the results so far.
    """
    proof = run_trials(study)
    try:
        if not study.plan.is_fixed and window_was_too_short(study.baseline, proof) and not proof.limit:
            study, proof = _repeat_for_longer(study, proof)
        return build_case(study.baseline, proof)
    except KeyboardInterrupt as error:
        return build_case(study.baseline, proof.with_interruption(error))


def _repeat_for_longer(study: Study, first: Proof) -> tuple[Study, Proof]:
    """Observe a run again for more steps and try its remedies; return the study of that run and its results.

    Return the first study and results if the time was over, or the user pressed Ctrl-C, before a fix was found.
    """
    context, ending = study.context, study.baseline.ending
    plan = study.plan.with_fixed_steps(LONGER * study.baseline.steps)
    part = f"the same trials with {plan.steps} steps"
    if ending is not None and not context.deadline.fits(LONGER * ending.wall_s):
        return study, replace(first, limit="budget", skipped=(*first.skipped, part))
    record = context.observe(study.script, plan)
    longer = replace(study.for_script(study.script, record), plan=plan)
    proof = run_trials(longer)
    if record.ending is not None and record.ending.reason == EndReason.INTERRUPTED:
        proof = replace(proof, interrupted=True, interruption=record.ending.status)
    if proof.fix is not None or not (proof.interrupted or proof.changed or proof.limit or context.deadline.is_over):
        return longer, proof
    if not (proof.interrupted or proof.changed):
        return study, replace(first, limit="budget", skipped=(*first.skipped, part))
    ended = replace(first, interrupted=proof.interrupted, interruption=proof.interruption, changed=proof.changed)
    return study, ended
