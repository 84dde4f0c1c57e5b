"""A study whose runs have known outcomes, read from a table."""

from dataclasses import replace
from pathlib import Path

from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.remedies import Change, NotApplicable, Prescription
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.proof import Proof, final_proof
from descend.doctor.trials.prove import prove

HERE = Path(__file__).parent
MONITOR = facts.Monitor(batches=4, draws=(), examples=256, distinct=256, digest="same", content="same")
SCRIPT = Script(Path(__file__), HERE, edits={Path(__file__): "pass\n"})  # This file replaces a script.


class Table:
    """Answer each job with the cost that the table holds for its script's text, varied a little by seed."""

    def __init__(self, outcomes: dict[str, float], plan: Plan | None = None, baseline: Record | None = None) -> None:
        self.outcomes, self.plan, self.jobs = outcomes, plan or Plan(jobs=1), []
        self.script, self.baseline, self.unchanged = SCRIPT, baseline or record_of(1.0), {}
        self.digest = "same"
        self.later: dict[str, float] = {}

    def run(self, jobs):
        self.jobs += jobs
        return [self.answer(job) for job in jobs]

    def run_in_time(self, jobs, *, before_proof=False):
        return self.run(jobs)

    def require_time_for_a_run(self):
        pass

    def answer(self, job) -> Record:
        text = job.script.edits[SCRIPT.path].strip()
        long = job.steps > 100
        value = (self.later if long else self.outcomes).get(text, self.outcomes[text])
        record = record_of(value * (1 + 0.02 * job.seed), job.seed, job.steps)
        record.facts[facts.name_of(facts.Monitor), ""] = [Fact.of(replace(MONITOR, digest=self.digest), 0)]
        record.ending = replace(record.ending, weights=f"{text} {value}")
        if "adam" in text:
            record.add(Fact.of(facts.Optimizer("Adam", groups=1, parameters=1000, lr=0.001), 0, "0"))
        return record


def record_of(value: float, seed: int = 0, steps: int = 100, reason: str = "window") -> Record:
    record = Record(run=seed + 10, seed=seed)
    record.add(Reading("loss", "0", steps - 1, value))
    record.add(Reading("metric", "negative_log_likelihood", steps, value))
    record.add(Fact.of(MONITOR, 0))
    record.add(Fact.of(facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1), 0, "0"))
    record.add(Ending(reason, 0, steps, weights=f"{value}"))
    return record


def with_baseline(table: Table, baseline: Record) -> Table:
    table.baseline = baseline
    return table


def prescription(text: str, symptom: str = "s", *, remedy: str = "", cost: int = 2, **traits: bool):
    def apply(script: Script) -> Script:
        return script.edit(SCRIPT.path, (script.edits[SCRIPT.path].strip().removeprefix("pass") + text) + "\n")

    first, *rest = (remedy or text).split("+")
    changes = (Change(first, apply), *(Change(name, lambda script: script) for name in rest))
    return Prescription(symptom, changes, text, cost=cost, **traits)


def refuse(reason: str):
    """Return an edit that always raises NotApplicable with that reason."""

    def edit(script: Script) -> Script:
        raise NotApplicable(reason)

    return edit


def tried(outcomes, prescriptions, baseline=None, table=None) -> tuple[Proof, Table]:
    table = table or Table({"pass": 1.0, **outcomes})
    table.baseline, table.unchanged = baseline or table.baseline, {}
    return proved([lambda refuted: [p for p in prescriptions if p.symptom not in refuted]], table), table


def proved(stages, table: Table) -> Proof:
    return final_proof(prove(stages, table, Proof()))


def verdicts(proof: Proof) -> dict[str, str]:
    return {trial.label: trial.verdict for trial in proof.trials}
