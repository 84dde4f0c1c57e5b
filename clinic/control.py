"""The control: random searches over learning rate × rule × initialisation × scaling, as many trials as the doctor took.

An independent study found published repair tools no better than such a search (Kim et al. 2023).
"""

import math
import random
import tempfile
from pathlib import Path

from variants import Patient

from descend.plan import Plan
from descend.record import Record
from descend.remedies import REMEDIES, NotApplicable
from descend.run.forking import forking
from descend.run.launch import new_record, run
from descend.script import Script
from descend.trials.arms import Bench, Job, yardstick

RATES = (1e-4, 1.0)  # log-uniform
SEARCHES = 3  # one alone of two or three trials is luck
FRESH = 4  # seeds on which a search's best is judged


def search(patient: Patient, half: str, drawn: int, budget: int) -> tuple[float, ...]:
    """Return what each of `SEARCHES` searches leaves: the mean yardstick, on fresh seeds, of its best random change."""
    generator = random.Random(f"{patient.name} {half} {drawn}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, patient.path.name)
        path.write_text(patient.variant(half, 0, drawn))
        script, plan = Script(path, Path(folder)), Plan()
        with forking(script) as server:
            exam = run(script, plan, new_record(script, plan), server=server)
            bench = Bench(plan, 0, lambda record: None, server=server)
            return tuple(_best(script, exam, bench, generator, budget) for _ in range(SEARCHES))


def _best(script: Script, exam: Record, bench: Bench, generator: random.Random, budget: int) -> float:
    changed = [s for _ in range(4 * budget) if (s := _changed(script, exam, generator)) is not None][:budget]
    screened = bench.run([Job(s, exam.seed, exam.steps, exam) for s in changed])
    ranked = sorted(zip(map(_value, screened), range(len(changed))))
    if not ranked or not math.isfinite(ranked[0][0]):
        return math.inf
    best = changed[ranked[0][1]]
    confirmed = bench.run([Job(best, exam.seed + 1 + i, exam.steps) for i in range(FRESH)])
    return sum(map(_value, confirmed)) / len(confirmed)


def _value(record: Record) -> float:
    value = yardstick(record)[1]
    return value if math.isfinite(value) else math.inf


def _changed(script: Script, exam: Record, generator: random.Random) -> Script | None:
    rate = math.exp(generator.uniform(*(math.log(r) for r in RATES)))
    changes = [generator.choice((("learning_rate", {"lr": rate}), ("adaptive_rule", {"lr": rate})))]
    if generator.random() < 0.5:
        changes.append(("reinitialise", {"activation": "relu"}))
    if generator.random() < 0.5:
        changes.append(("standardise_inputs", {}))
    edited = script
    for remedy, dose in changes:
        after = REMEDIES[remedy](edited, exam, {"optimizer": "0", **dose})
        edited = edited if isinstance(after, NotApplicable) else after
    return edited if edited is not script else None
