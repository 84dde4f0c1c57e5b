"""The whole idea on one screen: script → run → record → symptoms → prescriptions → trials → report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import isfinite
from pathlib import Path

from descend.canon import CANON, GENERAL, SEARCHES
from descend.case import Case
from descend.changes import Change, changes_of
from descend.concluding import conclude
from descend.course.own_metric import own_metrics
from descend.course.stages import stages
from descend.diagnosis import chosen, diagnose, general
from descend.observe import Show, observe
from descend.plan import Plan, Stage
from descend.prescribe import in_turn, possible, prescribe
from descend.record import Ending, Message, Record, facts
from descend.record.store import Store
from descend.remedies import Prescription
from descend.run.forking import ForkServer, forking
from descend.run.outlook import whole_length
from descend.sandbox.world import NOT_TOLD
from descend.script import Script
from descend.second_look import (
    Mended,
    as_in,
    go_back,
    mended,
    new_facts,
    take_both,
    take_mend,
    take_what_is_needed,
    takes_the_bottom_away,
    withdraw,
)
from descend.source.later_training import trains_later
from descend.sources import Sources
from descend.suggestible import suggestible
from descend.symptoms import Symptom, causes
from descend.trials.arms import Bench, longest
from descend.trials.cluster import Cluster
from descend.trials.elsewhere import Changed, Elsewhere
from descend.trials.prove import Prescribe, Proof, prove
from descend.trials.reproduce import reproduce
from descend.trials.speed import hasten
from descend.trials.suggest import suggest

LATER = 10  # times the steps, for a training behind the one that filled the window
LOOKS = 3  # at what stands behind a change, one behind another
LONGER = 4  # times the steps, where a fact's own cure does not show in those observed


@dataclass(frozen=True)
class Lab:
    """Where the runs of one case are made: who keeps them, who shows them, who forks them."""

    store: Store
    show: Show
    server: ForkServer
    elsewhere: Elsewhere
    cluster: Cluster | None = None

    def observe(self, script: Script, plan: Plan, parent: int | None = None) -> Record:
        """Run the script once under observation; parent: the run that it is examined for, if any."""

        def listen(record: Record, messages: list[Message]) -> None:
            self.elsewhere.take(messages)
            self.show(record, messages)

        return observe(script, plan, self.store, listen, self.server, parent)


def doctor(script: Script, plan: Plan, store: Store, show: Show, cluster: Cluster | None = None) -> Case:
    """Name what ails a training script and prove what cures it. Ctrl-C leaves what is known so far.

    cluster: where the trials are run, if not here.
    """
    began = time.perf_counter()
    script = replace(script, sources=(sources := Sources()))
    with forking(script) as server:
        case = _examined(script, plan, Lab(store, show, server, Elsewhere(sources), cluster))
    left_out = tuple(set(CANON).difference(chosen(plan.select, plan.ignore)))
    known = replace(case, left_out=left_out, streamed=script.streamed, changes=_changes(case, script))
    return replace(known, total_s=time.perf_counter() - began)


def _changes(case: Case, script: Script) -> tuple[Change, ...] | None:
    """Return what the cure does to the user's files."""
    edited = case.cure.script if case.cure else None
    return None if edited is None or script.streamed else changes_of(edited)


def _examined(script: Script, plan: Plan, lab: Lab) -> Case:
    whole = lab.observe(script, plan)  # what happened
    if not plan.processes and whole.ending and whole.ending.reason == "failed" and NOT_TOLD in whole.ending.error:
        plan = replace(plan, processes=1)
        whole = lab.observe(script, plan)
    whole, plan = _to_its_end(script, plan, lab, whole)
    if _trains_later(script, plan, whole):
        longer = plan.fixed_at(LATER * plan.steps)
        further = lab.observe(script, longer)
        if further.ending and further.ending.reason == "finished" and len(stages(further)) > 1:
            whole, plan = further, longer
    cases = []
    for part in _parts(whole, plan):
        record = whole if part is plan else lab.observe(script, part)
        case = _consult(script, part, lab, record)
        if case.findings or case.interrupted or case.changed or case.status == "script_failed":
            return case  # what a stage begins with is what the one before has made
        cases.append(case)
    left_open = next((case for case in cases if case.undecided), cases[-1])
    return replace(left_open, record=whole)


def _to_its_end(script: Script, plan: Plan, lab: Lab, record: Record) -> tuple[Record, Plan]:
    """Return the run of the whole script, where it is short and says at its end how good its network is.

    Where steps are slow that is asked only of a script that has not said so yet.
    """
    if record.steps < plan.steps and own_metrics(record):
        return record, plan
    try:
        steps = whole_length(script, plan, record, lab.server)
    except KeyboardInterrupt:
        record.add(Ending("interrupted", 130, record.steps))
        return record, plan
    if not steps:
        return record, plan
    whole = plan.fixed_at(steps + 1)  # what comes behind the last step is heard, too
    return lab.observe(script, whole), whole


def _trains_later(script: Script, plan: Plan, record: Record) -> bool:
    """Whether the window has closed, quickly, before a script comes to another training that it makes further down."""
    backward = record.site("backward")
    was_quick = record.ending is not None and record.ending.reason == "window" and record.steps == plan.steps
    if plan.is_fixed or not was_quick or backward is None or Path(backward.file) != script.path:
        return False
    return trains_later(script.read(script.path), backward.line)


def _parts(record: Record, plan: Plan) -> list[Plan]:
    """Return the plan; where the record is of a training in stages a plan for each."""
    keys = stages(record) if record.ending and record.ending.reason in ("finished", "window") else []
    if len(keys) < 2:
        return [plan]
    first = record.series("loss", "0").first
    parts = [Stage(int(key), number, len(keys), first) for number, key in enumerate(keys, 1)]
    return [replace(plan, stage=part) for part in parts]


def _consult(script: Script, plan: Plan, lab: Lab, record: Record) -> Case:
    """Go from a record to a case; where it was too short to show what a cure does, by way of a longer one."""
    found = _prove(script, plan, lab, record)
    if not plan.is_fixed and _was_short(*found[:3]):
        longer = plan.fixed_at(LONGER * record.steps)
        found = _prove(script, longer, lab, lab.observe(script, longer))
    return conclude(*found, 0.0)


def _prove(script: Script, plan: Plan, lab: Lab, record: Record) -> tuple[Record, list[Symptom], Proof, str]:
    proof, verified = Proof(), ""
    symptoms, stages = _suspected(script, plan, record)
    if (symptoms or plan.suggest) and record.ending and record.can_be_judged:
        bench = _bench(plan, lab, record)
        try:
            prove(script, record, stages, bench, proof)  # what did help
            quicker = [p for p in prescribe(record, symptoms) if p.judged_on == "time"]
            hasten(script, record, quicker, bench, proof)
            known = {s.id: s for s in symptoms if s.id not in GENERAL}  # as it is told of the script as it was
            hidden = [known.get(s.id, s) for s in _behind(script, plan, lab, record, proof)]
            ids = {symptom.id for symptom in hidden}
            symptoms = [*(replace(s, explains=s.explains - ids) for s in symptoms if s.id not in ids), *hidden]
            verified = reproduce(proof, script, record, bench)
            if plan.suggest and conclude(record, symptoms, proof, verified, 0.0).status == "healthy":
                suggest(script, record, prescribe(record, suggestible()), bench, proof)
        except KeyboardInterrupt:
            proof.interrupted = True
        except Changed as error:
            proof.changed = str(error)
    return record, symptoms, proof, verified


def _suspected(script: Script, plan: Plan, record: Record) -> tuple[list[Symptom], list[Prescribe]]:
    """Return what is, or may be, wrong, and what may help: what has a name first, then the searches one by one."""
    named = diagnose(record, select=plan.select, ignore=plan.ignore)  # what is wrong,
    explained = {consequence for s in named if s.certain for consequence in s.explains}
    further = general(record, select=plan.select, ignore=plan.ignore)  # or may be, where that does not explain it;
    further = [symptom for symptom in further if symptom.id not in explained]
    edits = {symptom.id: prescribe(record, [symptom], named) for symptom in further}
    further = [
        symptom for symptom in further if symptom.certain or edits[symptom.id]
    ]  # what none can decide is no news

    def may_help(refuted: frozenset[str], beside: Sequence[Prescription] = ()) -> list[Prescription]:
        asked = prescribe(record, causes([s for s in named if s.certain or s.id not in refuted]))
        known = {p.key for p in asked}
        return [p for p in asked if p.judged_on != "time"] + [p for p in beside if p.key not in known]

    @cache
    def searched(number: int) -> tuple[Prescription, ...]:
        """Return the edits of the first so many searches; none is made before one is asked for."""
        if not number:
            return ()
        ranked = in_turn([edits[s.id] for s in further if s.id in SEARCHES[number - 1]], record)
        return (*searched(number - 1), *possible(ranked, script, plan.trials))

    def search(number: int, refuted: frozenset[str]) -> list[Prescription]:
        return may_help(refuted, searched(number))

    stages: list[Prescribe] = [may_help]
    stages += [partial(search, number) for number in range(1, len(SEARCHES) + 1)] if further else []
    return [*named, *further], stages


def _bench(plan: Plan, lab: Lab, record: Record) -> Bench:
    """Return where the trials of what was found in a record are run."""
    monitor = record.fact(facts.Monitor)
    same = replace(plan, examples=monitor.examples if monitor else 0)
    failing = record.ending if record.ending and record.ending.reason == "failed" else None
    where = (lab.store.save, lab.show, longest(record), lab.server, failing, lab.elsewhere, lab.cluster)
    return Bench(same, record.run, *where)


def _behind(script: Script, plan: Plan, lab: Lab, record: Record, proof: Proof) -> list[Symptom]:
    """Examine the mended script where it is still poor, and again with what was found; return what stood behind."""
    known = [(replace(proof), list[Symptom]())]  # the proof, and what was found, before each look
    while len(known) <= LOOKS and (first := mended(proof, record, _bench(plan, lab, record))) is not None:
        cure, hidden = proof.cure, known[-1][1]
        found = _behind_one(script, plan, lab, record, proof, first)
        if cure and not proof.cure and len(known) > 1:  # what was added is no cure: what it was added to is one
            go_back(proof, known[-2][0])
            return known[-2][1]
        ids = {symptom.id for symptom in found}
        known.append((replace(proof), [*(s for s in hidden if s.id not in ids), *found]))
        if proof.cure is cure or not found:
            break
    if proof.cure is not known[0][0].cure:
        take_what_is_needed(script, record, proof, _bench(plan, lab, record))
    return known[-1][1]


def _behind_one(script: Script, plan: Plan, lab: Lab, record: Record, proof: Proof, first: Mended) -> list[Symptom]:
    """Return what is found in a script with a first change, if its cure is taken; else what is surely wrong there."""
    cured = first.script.to_be_examined()
    second = lab.observe(cured, plan, record.run)
    if second.ending and second.ending.reason == "interrupted":
        raise KeyboardInterrupt
    if takes_the_bottom_away(record, second, first):
        withdraw(proof)
        return []
    symptoms, stages = _suspected(cured, plan, second)
    if second.ending is None or not second.can_be_judged:
        return []
    further, bench = Proof(), _bench(plan, lab, record)
    if symptoms:
        prove(cured, second, stages, _bench(plan, lab, second), further)
    if not take_both(script, record, first, further.cure, proof, bench):
        if not proof.cure:
            take_mend(script, record, second, proof, bench)
        return [as_in(cured, s, first) for s in new_facts(record, symptoms, first)]
    found = [as_in(cured, s, first) for s in conclude(second, symptoms, further, "", 0.0).findings]
    proof.confirmed |= {first.symptom, *(symptom.id for symptom in found)}
    proof.at |= {first.symptom: first.at} if first.at else {}
    return found


def _was_short(record: Record, symptoms: list[Symptom], proof: Proof) -> bool:
    """Whether the cure of a fact could be tried, and did not show in the steps observed: more may show it."""
    if proof.cure or proof.interrupted or proof.changed or record.ending is None or record.ending.reason != "window":
        return False
    facts = {symptom.id for symptom in symptoms if symptom.certain}
    tried = [trial for trial in proof.trials if trial.judged_on != "time"]
    return any(trial.symptom in facts and isfinite(trial.after) for trial in tried)
