"""A study whose runs end with known costs, and tuned choices for it. No script runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from types import SimpleNamespace

from descend.doctor.compare.choice import Choice
from descend.doctor.compare.result import TriedValues, TunedChoice
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Ending, Fact, Reading, Record, facts
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.study import Job

HERE = Path(__file__)
SCRIPT = Script(HERE, HERE.parent, edits={HERE: "current\n"})  # This file replaces a script.
METRIC = ComparedMetric("fixed", "loss", "loss on fixed examples")
MONITOR = facts.Monitor(batches=4, draws=(), examples=256, distinct=256, digest="same", content="same")
STEPS = 100
NOISE = (0.03, -0.05, 0.01, 0.04, -0.02, 0.05, -0.04, 0.02, -0.01, -0.03)  # of the log cost, by seed


def record_of(cost: float, seed: int, reason: str = "finished", *, has_fixed_examples: bool = True) -> Record:
    """Return the record of a run whose loss falls from 4 to a final cost."""
    record = Record(run=seed + 10, seed=seed, role="trial_run")
    for step in range(0, STEPS + 1, 10):
        value = cost + (4 - cost) * 0.5 ** (step / 10) * (step < STEPS)
        if has_fixed_examples:
            record.add(Reading("metric", "mse", step, value))
        record.add(Reading("loss", "0", step, value))
    record.add(Fact.of(MONITOR, 0))
    error = "ValueError: wrong\n" if reason == "failed" else ""
    record.add(Ending(reason, int(bool(error)), STEPS, 1.0, 1.0, weights=f"{cost}", error=error))
    return record


@dataclass
class SimulatedStudy:
    """A study in which the cost of a run depends on the text of the script and on the seed."""

    costs: dict[str, Callable[[int], float]]  # text of the script -> cost for a seed
    seeds: int = 5
    most_runs: float = inf  # number of runs after which `error` is raised
    error: type[BaseException] = KeyboardInterrupt
    has_fixed_examples: bool = True  # whether the loss is also measured on fixed examples
    failing: tuple[str, ...] = ()  # texts of scripts that fail
    slots: int = 1
    run_s: float = 1.0
    script: Script = SCRIPT
    ran: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plan = Plan(jobs=1, seeds=self.seeds)
        self.baseline = self.record("current", 0)
        self.made: dict[int, Record] = {}
        self.context = SimpleNamespace(store=SimpleNamespace(load=self.made.__getitem__))

    def run(self, jobs: list[Job]) -> list[Record]:
        return [self._run_one(job) for job in jobs]

    def _run_one(self, job: Job) -> Record:
        if len(self.ran) >= self.most_runs:
            raise self.error
        text = job.script.edits[HERE].strip()
        self.ran.append((text, job.seed))
        record = self.record(text, job.seed)
        record.run += 1000 * list(self.costs).index(text)
        self.made[record.run] = record
        job.on_end(record)
        return record

    def record(self, text: str, seed: int) -> Record:
        cost = self.costs[text](seed)
        reason = "failed" if text in self.failing else "finished"
        return record_of(cost, seed, reason, has_fixed_examples=self.has_fixed_examples)


def noisy(cost: float, shift: int = 0, scale: float = 1.0) -> Callable[[int], float]:
    """Return a cost that varies with the seed by a few percent."""
    return lambda seed: cost * (1 + scale * NOISE[(seed + shift) % len(NOISE)])


def tuned_choice(text: str, *, own: bool = False, has_effect: bool = True, reason: str = "") -> TunedChoice:
    """Return a choice that has been tuned with two runs, with the text of its script as its label."""
    tried = tuple(TriedValues({"lr": rate}, 1.0 + has_effect * rate, 1.0, STEPS) for rate in (0.1, 0.2))
    choice = Choice(text, lambda script, values: script, keeps_optimizer=own)
    if reason:
        return TunedChoice(choice, reason=reason)
    return TunedChoice(choice, tried, tried[0], SCRIPT.edit(HERE, f"{text}\n"))
