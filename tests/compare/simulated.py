"""A study whose runs are stochastic gradient descent on noisy quadratic functions, computed without a script.

The expected loss of each step has a closed form (Zhang et al. 2019, "Which algorithmic choices matter at which batch
sizes?", §3). With it, the rankings of learning rates flip before the end of a run, as those of real networks do.
"""

import json
from dataclasses import dataclass, field
from math import cos, inf, pi
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.search import Search
from descend.doctor.compare.stored_comparison import StoredComparison
from descend.doctor.prove.metric import ComparedMetric
from descend.doctor.record import Ending, Reading, Record
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.study import Job

FILE = Path(__file__)
SCRIPT = Script(FILE, FILE.parent)
METRIC = ComparedMetric("fixed", "loss", "loss on fixed examples")
SCHEDULES = {
    "constant": lambda share: 1.0,
    "linear": lambda share: 1 - share,
    "cosine": lambda share: (1 + cos(pi * share)) / 2,
}


@dataclass
class Quadratic:
    """A quadratic function with noisy gradients; its runs have a fixed number of steps."""

    eigenvalues: np.ndarray
    noise: np.ndarray  # variance of the gradient for each eigenvalue
    horizon: int = 270
    schedule: str = "constant"
    every: int = 9  # number of steps between two evaluations

    def curve(self, lr: float) -> dict[int, float]:
        """Return the expected loss at each evaluation. A run whose loss grows tenfold diverges, as a network would."""
        squares, losses = np.ones_like(self.eigenvalues), {}
        for step in range(self.horizon + 1):
            loss = float((self.eigenvalues * squares).sum() / 2)
            if step % self.every == 0:
                losses[step] = loss
            if not loss <= 10 * losses[0]:
                return losses | {step: inf}
            rate = lr * SCHEDULES[self.schedule](step / self.horizon)
            squares = (1 - rate * self.eigenvalues) ** 2 * squares + rate**2 * self.noise
        return losses


def quadratic(*eigenvalues: float, noise: float = 0.0, **more) -> Quadratic:
    return Quadratic(np.array(eigenvalues), noise * np.array(eigenvalues), **more)


@dataclass
class SimulatedStudy:
    """Answers each job with the run of a quadratic function. The values are in the text of the edited script."""

    problem: Quadratic
    slots: int = 2
    interrupt_after: float = inf  # number of runs after which the study is interrupted
    runs: list[dict[str, float]] = field(default_factory=list)  # values of all runs so far
    steps: int = 0  # number of steps of all runs
    rounds: list[int] = field(default_factory=list)  # number of runs in each round
    seeds: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.script, self.plan = SCRIPT, Plan(jobs=self.slots)
        self.context = SimpleNamespace(store=SimpleNamespace(load=self._load))
        self.baseline = self._record({}, 0)
        self._stored: dict[int, Record] = {}

    def run(self, jobs: list[Job]) -> list[Record]:
        """Make all runs; stop each one if its job requests it."""
        self.rounds.append(len(jobs))
        return [self._run_one(job) for job in jobs]

    def _run_one(self, job: Job) -> Record:
        if len(self.runs) >= self.interrupt_after:
            raise KeyboardInterrupt
        self.seeds.add(job.seed)
        values = json.loads(job.script.edits.get(FILE, "{}"))
        record = self._record(values, job.seed)
        for index, (step, loss) in enumerate(record.series("metric", "loss")):
            if job.stop_if(Reading("metric", "loss", step, loss), self._first_values(record, index + 1)):
                record = self._first_values(record, index + 1)
        self.runs.append(values)
        self.steps += record.steps
        self._stored[record.run] = record
        job.on_end(record)
        return record

    def _first_values(self, record: Record, count: int) -> Record:
        """Return the record of a run that was stopped after some evaluations."""
        stopped = Record(run=record.run, seed=record.seed, role="trial_run")
        for step, loss in list(record.series("metric", "loss"))[:count]:
            stopped.add(Reading("metric", "loss", step, loss))
        return stopped

    def _record(self, values: dict[str, float], seed: int) -> Record:
        curve = self.problem.curve(values.get("lr", 0.01))
        record = Record(run=len(self.runs) + 1, seed=seed, role="trial_run")
        for step, loss in curve.items():
            record.add(Reading("metric", "loss", step, loss))
        if curve[max(curve)] < inf:
            record.add(Ending("finished", 0, self.problem.horizon, wall_s=1.0, weights=str(values)))
        else:
            record.add(Reading("loss", "0", max(curve), inf))
        return record

    def _load(self, run: int) -> Record:
        return self._stored[run]


def write_values(script: Script, values: dict[str, float]) -> Script:
    """Edit a script for values of its settings."""
    return script.edit(FILE, json.dumps(dict(values))) if values else script


def sgd(start: float = 0.01, low: float = 1e-5, high: float = 10.0, **more) -> Choice:
    """Return a choice whose learning rate is searched."""
    dimension = Dimension("lr", low, high, is_open=True)
    return Choice("SGD", write_values, (dimension,), ({"lr": start},), "SGD", **more)


def search(study: SimulatedStudy, *choices: Choice, runs: int = 8, storage: StoredComparison | None = None) -> Search:
    """Search with a budget of some runs for each choice."""
    found = Search(study, METRIC, choices, runs * study.problem.horizon, storage or StoredComparison.in_memory())
    found.run()
    return found
