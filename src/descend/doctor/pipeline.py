"""The whole consultation on one screen: script → run → record → symptoms → prescriptions → trials → report."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from descend.core.errors import UsageError
from descend.core.interruption import interruption_status
from descend.doctor.case import Case
from descend.doctor.catalog import CATALOG
from descend.doctor.catalog.diagnosis import ids_to_check
from descend.doctor.catalog.prescribe import prescribe
from descend.doctor.catalog.suggestible import suggestible_problems
from descend.doctor.execution.forking import fork_server
from descend.doctor.findings import build_case
from descend.doctor.follow_up import run_follow_ups
from descend.doctor.hypotheses import Hypotheses
from descend.doctor.observation_window import limit_to_budget, observe_script, observe_stages, window_was_too_short
from descend.doctor.observe import Show
from descend.doctor.record.store import Store
from descend.doctor.script.file_change import changes_of
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.script.source_snapshot import SourceSnapshot
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.external_files import ExternalFileChanged, ExternalFiles
from descend.doctor.trials.proof import Proof, ProofSteps, Round, run_rounds
from descend.doctor.trials.prove import prove
from descend.doctor.trials.reproduce import check_reproduction
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.run_times import OutOfTime
from descend.doctor.trials.speed import try_faster_steps
from descend.doctor.trials.study import Study
from descend.doctor.trials.suggest import suggest
from descend.doctor.trials.trial import Trial
from descend.doctor.untried import add_left_out, without_trials

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

    cluster: where the trials run; None for this machine. show_fix: called with each fix as soon as it is proved.
    """
    began, options = time.perf_counter(), plan.options
    deadline, plan = limit_to_budget(plan)
    script = replace(script, sources=(sources := SourceSnapshot()))
    with fork_server(script) as server:
        context = RunContext(store, show, ExternalFiles(sources), server, cluster, deadline, show_fix)
        whole, plan = observe_script(script, plan, context)
        cases = []
        for stage_plan, record in observe_stages(script, plan, context, whole):
            cases.append(_diagnose_run(Study(script, record, stage_plan, context)))
            if cases[-1].is_settled:  # Later stages depend on the result of this stage.
                break
        else:
            undecided = next((case for case in cases if case.undecided_suspicions), cases[-1])
            cases.append(replace(undecided, record=whole))
    edited = cases[-1].fix.script if cases[-1].fix else None
    return replace(
        cases[-1],
        left_out=tuple(CATALOG.keys() - ids_to_check(plan.select, plan.ignore)),
        streamed=script.streamed,
        options=options,
        changes=None if edited is None or script.streamed else changes_of(edited),
        total_s=time.perf_counter() - began,
    )


def _diagnose_run(study: Study) -> Case:
    """Diagnose one recorded run and try its remedies; if the run was too short to show a gain, repeat it for longer."""
    proof = _run_trials(study)
    if not study.plan.is_fixed and window_was_too_short(study.baseline, proof) and not proof.limit:
        plan = study.plan.with_fixed_steps(LONGER * study.baseline.steps)
        record = study.context.observe(study.script, plan)
        study = replace(study.for_script(study.script, record), plan=plan)
        proof = _run_trials(study)
    return build_case(study.baseline, proof)


def _run_trials(study: Study) -> Proof:
    """Try the remedies for a recorded run in several rounds, and return the results of all trials."""
    record, hypotheses = study.baseline, Hypotheses(study.script, study.plan, study.baseline)
    if study.plan.quick:
        return without_trials(hypotheses, study)
    proof = Proof(tuple(hypotheses.symptoms))
    if not (proof.symptoms or study.plan.suggest) or not record.ending or not record.can_be_compared:
        return proof
    for_time = [p for p in prescribe(record, hypotheses.symptoms) if p.judged_on == "time"]
    rounds: dict[str, Round] = {
        "the proof of a fix on fresh seeds": partial(prove, hypotheses.stages, study),
        "the trials of faster steps": partial(try_faster_steps, for_time, study),
        "the search for further problems of the fixed script": partial(run_follow_ups, study),
        "the check of the patch under plain python": partial(_reproduce_fix, study),
        "the trials of small improvements": partial(_try_improvements, study),
    }
    skipped: list[str] = []
    try:
        for part, run_round in rounds.items():
            try:
                for current in run_rounds([run_round], proof):
                    if current.fix is not None and current.fix is not proof.fix:
                        study.context.show_fix(current.fix)
                    proof = current
            except OutOfTime:
                skipped.append(part)
    except KeyboardInterrupt as error:
        return replace(proof, interrupted=True, interruption=interruption_status(error))
    except (ExternalFileChanged, UsageError) as error:  # For example, the script can no longer be copied.
        return replace(proof, changed=str(error))
    return add_left_out(skipped, hypotheses, study, proof) if study.times.ran_out else proof


def _reproduce_fix(study: Study, proof: Proof) -> ProofSteps:
    """Check that the fix has the same effect if the patched script is run by plain Python."""
    yield (proof := check_reproduction(study, proof))
    return proof


def _try_improvements(study: Study, proof: Proof) -> ProofSteps:
    """Try improvements of a script without a known problem, if the user has requested suggestions."""
    if study.plan.suggest and build_case(study.baseline, proof).can_be_improved:
        proof = yield from suggest(prescribe(study.baseline, suggestible_problems()), study, proof)
    return proof
