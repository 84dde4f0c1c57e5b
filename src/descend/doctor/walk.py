"""The whole idea on one screen: script → run → record → symptoms → prescriptions → trials → report."""

import time
from dataclasses import replace
from functools import partial

from descend.doctor.canon import CANON
from descend.doctor.canon.diagnosis import chosen
from descend.doctor.canon.prescribe import prescribe
from descend.doctor.canon.suggestible import suggestible
from descend.doctor.case import Case
from descend.doctor.concluding import conclude
from descend.doctor.observe import Show
from descend.doctor.record.store import Store
from descend.doctor.run.forking import forking
from descend.doctor.script.change import changes_of
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.script.sources import Sources
from descend.doctor.second_look import behind
from descend.doctor.suspicion import Suspicion
from descend.doctor.trials.cluster import Cluster
from descend.doctor.trials.elsewhere import Changed, Elsewhere
from descend.doctor.trials.proof import Proof, Round, Steps, in_rounds
from descend.doctor.trials.prove import prove
from descend.doctor.trials.reproduce import reproduce
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.speed import hasten
from descend.doctor.trials.study import Study
from descend.doctor.trials.suggest import suggest
from descend.doctor.windows import each_stage, was_short, whole_run
from descend.ground.errors import UsageError
from descend.ground.interruption import interruption_status

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
            cases.append(_consult(Study(script, record, window, context)))
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


def _consult(study: Study) -> Case:
    """Go from a record to a case; where it was too short to show what a cure does, by way of a longer one."""
    proof = _examined(study)
    if not study.plan.is_fixed and was_short(study.baseline, proof):
        plan = study.plan.fixed_at(LONGER * study.baseline.steps)
        study = replace(study.of(study.script, study.context.observe(study.script, plan)), plan=plan)
        proof = _examined(study)
    return conclude(study.baseline, proof)


def _examined(study: Study) -> Proof:
    """Return what is wrong, and what the trials say of it: the last proof of one round after another."""
    record, suspicion = study.baseline, Suspicion(study.script, study.plan, study.baseline)
    proof = Proof(tuple(suspicion.symptoms))  # what is wrong, or may be
    if not (proof.symptoms or study.plan.suggest) or not record.ending or not record.can_be_judged:
        return proof
    quicker = [p for p in prescribe(record, suspicion.symptoms) if p.judged_on == "time"]
    rounds: list[Round] = [
        partial(prove, suspicion.stages, study),  # what helps
        partial(hasten, quicker, study),
        partial(behind, study),
        partial(_reproduced, study),
        partial(_suggested, study),
    ]
    try:
        for known in in_rounds(rounds, proof):
            proof = known
    except KeyboardInterrupt as error:
        return replace(proof, interrupted=True, interruption=interruption_status(error))
    except (Changed, UsageError) as error:  # what is known by now counts, be it that no copy can be made any more
        return replace(proof, changed=str(error))
    return proof


def _reproduced(study: Study, proof: Proof) -> Steps:
    yield (proof := reproduce(study, proof))
    return proof


def _suggested(study: Study, proof: Proof) -> Steps:
    if study.plan.suggest and conclude(study.baseline, proof).can_be_improved:
        proof = yield from suggest(prescribe(study.baseline, suggestible()), study, proof)
    return proof
