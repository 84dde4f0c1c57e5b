"""The whole idea on one screen: script → run → record → symptoms → prescriptions → trials → report."""

import time
from dataclasses import replace

from descend.doctor.canon import CANON
from descend.doctor.canon.diagnosis import chosen
from descend.doctor.canon.prescribe import prescribe
from descend.doctor.canon.suggestible import suggestible
from descend.doctor.case import Case
from descend.doctor.concluding import conclude
from descend.doctor.observe import Show
from descend.doctor.record import Record
from descend.doctor.record.store import Store
from descend.doctor.run.forking import forking
from descend.doctor.script.changes import changes_of
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.script.sources import Sources
from descend.doctor.second_look import behind
from descend.doctor.suspicion import Suspicion
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.elsewhere import Changed, Elsewhere
from descend.doctor.trials.prove import Proof, prove
from descend.doctor.trials.reproduce import reproduce
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.speed import hasten
from descend.doctor.trials.study import Study
from descend.doctor.trials.suggest import suggest
from descend.doctor.windows import each_stage, was_short, whole_run

LONGER = 4  # times the steps, where a fact's own cure does not show in those observed


def doctor(script: Script, plan: Plan, store: Store, show: Show, cluster: Cluster | None = None) -> Case:
    """Name what ails a training script and prove what cures it. Ctrl-C leaves what is known so far.

    cluster: where the trials are run, if not here.
    """
    began = time.perf_counter()
    script = replace(script, sources=(sources := Sources()))
    with forking(script) as server:
        context = RunContext(store, show, Elsewhere(sources), server, cluster)
        whole, plan = whole_run(script, plan, context)
        cases = []
        for window, record in each_stage(script, plan, context, whole):
            cases.append(_consult(script, window, context, record))
            if cases[-1].is_settled:  # what a stage begins with is what the one before has made
                break
        else:
            cases.append(replace(next((case for case in cases if case.undecided), cases[-1]), record=whole))
    edited = cases[-1].cure.script if cases[-1].cure else None
    return replace(
        cases[-1],
        left_out=tuple(CANON.keys() - chosen(plan.select, plan.ignore)),
        streamed=script.streamed,
        changes=None if edited is None or script.streamed else changes_of(edited),
        total_s=time.perf_counter() - began,
    )


def _consult(script: Script, plan: Plan, context: RunContext, record: Record) -> Case:
    """Go from a record to a case; where it was too short to show what a cure does, by way of a longer one."""
    symptoms, proof, case = _examine(script, plan, context, record)
    if not plan.is_fixed and was_short(record, symptoms, proof):
        plan = plan.fixed_at(LONGER * record.steps)
        *_, case = _examine(script, plan, context, context.observe(script, plan))
    return case


def _examine(script: Script, plan: Plan, context: RunContext, record: Record) -> tuple[list[Symptom], Proof, Case]:
    suspicion, proof, verified = Suspicion(script, plan, record), Proof(), ""
    symptoms = suspicion.symptoms  # what is wrong, or may be
    if (symptoms or plan.suggest) and record.ending and record.can_be_judged:
        study = Study(script, record, plan, context)
        try:
            prove(suspicion.stages, study, proof)  # what helps
            hasten([p for p in prescribe(record, symptoms) if p.judged_on == "time"], study, proof)
            symptoms = behind(study, proof, symptoms)
            verified = reproduce(proof, study)
            if plan.suggest and conclude(record, symptoms, proof, verified).status == "healthy":
                suggest(prescribe(record, suggestible()), study, proof)
        except KeyboardInterrupt:
            proof.interrupted = True
        except Changed as error:
            proof.changed = str(error)
    return symptoms, proof, conclude(record, symptoms, proof, verified)
