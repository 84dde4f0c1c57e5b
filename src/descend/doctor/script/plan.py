"""The limits of a consultation: how many steps to observe, how many trials to run, and how."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, inf, isfinite
from typing import Any

CLOCK = "DESCEND_CLOCK"  # With DESCEND_CLOCK=steps, which tests use, measurements depend on steps and not on time.


@dataclass(frozen=True)
class Stage:
    """One stage of a training run: the steps of one optimizer, until the script creates the next optimizer."""

    optimizer: int  # index of the stage's optimizer among the script's optimizers, counted from 0
    number: int  # number of the stage, counted from 1
    of: int  # number of stages
    first_loss: float  # loss at the first step of the first stage


@dataclass(frozen=True)
class Plan:
    """The limits of one diagnosis. Every field has the default that `descend doctor --help` shows."""

    steps: int = 1000  # largest number of optimizer steps to observe
    seconds: float = 60.0  # largest number of seconds of training to observe
    least_steps: int = 300  # number of observed steps that is enough once training has taken `quick_s` seconds
    quick_s: float = 5.0  # seconds of training after which `least_steps` steps are enough
    patience: float = 600.0  # largest number of seconds before the first backward pass, in which scripts prepare data
    seeds: int = 5  # number of fresh seeds that confirm a remedy
    trials: int = 12  # largest number of candidate edits in each search for an unknown problem
    quick: bool = False  # whether the script is only observed, once, and no remedy is tried
    budget_s: float = inf  # largest number of seconds of the whole consultation
    # time of `time.monotonic` when the consultation began, from which the budget counts
    began: float = field(default_factory=time.monotonic, compare=False)
    until: float = inf  # time of `time.monotonic` at which every run is ended
    suggest: bool = False  # whether to also try small improvements if no problem is found
    jobs: int = field(default_factory=lambda: cores())  # number of trials that run at the same time
    pinned_threads: int = 0  # number of CPU threads of each run on a Ray cluster; 0 for runs on this machine
    seed: int = 0  # offset that is added to the script's own seeds
    spread: bool = False  # whether trials are also compared on batches from the whole run
    examples: int = 0  # largest number of examples in the fixed batches; 0 for as many as are needed
    stage: Stage | None = None  # the stage to observe; None for the whole run
    processes: int = 0  # number of processes that torchrun starts for the script; 0 without torchrun
    # whether the limits in seconds apply; if False, only the number of steps is limited
    timed: bool = field(default_factory=lambda: os.environ.get(CLOCK) != "steps")
    trains: bool = True  # whether steps change the parameters; False shows what an untrained network logs
    # whether `descend prove` or `compare` judges whole runs: then all modules are hashed at the end, which takes 0.2 s,
    # and trial runs measure whether the network sees its targets
    is_compared: bool = False
    # whether a metric that the script logs decides: then trial runs measure the loss on fixed examples only once, and
    # a loss that is not finite does not end them
    judged_by_log: bool = False
    # role of the run: watch, baseline, trial_run, gradcheck, show or bare (a run whose steps are only counted)
    role: str = "baseline"
    # For the role `show`: what to measure, at which steps, and how. For the role `bare`: whether to time the steps.
    asked: Mapping[str, Any] = field(default_factory=dict)
    allow_effects: bool = False  # whether the script may write, connect and start programs outside its scratch copy
    sandbox: str = "auto"  # sandbox level: auto, namespaces, landlock or hooks
    select: tuple[str, ...] = ()  # ids of symptoms to look for; empty for all symptoms
    ignore: tuple[str, ...] = ()  # ids of symptoms not to look for

    @property
    def options(self) -> tuple[str, ...]:
        """The options of `descend doctor` that change this plan from its default, such as `--steps 50`."""
        flags = {"--quick": self.quick, "--suggest": self.suggest, "--allow-effects": self.allow_effects}
        default = Plan()
        values: dict[str, object] = {
            "--budget": f"{self.budget_s:.12g}s" if isfinite(self.budget_s) else "",
            "--steps": self.steps if self.is_fixed else "",
            "--seconds": f"{self.seconds:.12g}" if self.seconds != default.seconds else "",
            "--nproc-per-node": self.processes or "",
        }
        for name in ("seeds", "seed", "trials", "jobs", "sandbox"):
            values[f"--{name}"] = "" if getattr(self, name) == getattr(default, name) else getattr(self, name)
        ids = [("--select", name) for name in self.select] + [("--ignore", name) for name in self.ignore]
        given = [*((name, value) for name, value in values.items() if value != ""), *ids]
        return (*(name for name, is_set in flags.items() if is_set), *(f"{name} {value}" for name, value in given))

    @property
    def is_fixed(self) -> bool:
        """Whether a fixed number of steps is observed, however long they take."""
        return self.least_steps == self.steps

    def with_fixed_steps(self, steps: int) -> "Plan":
        """Return a copy of the plan that observes a fixed number of steps, however long they take."""
        return replace(self, steps=steps, least_steps=steps)

    @property
    def proof_length(self) -> int:
        """The duration of the shortest proof, in multiples of a trial run's duration.

        A proof consists of one round of trials, of one run with and one without the edit for each seed, of an observed
        run with the edit, which takes at most twice as long as a trial, and of a run under plain python.
        """
        return 4 + ceil(2 * self.seeds / self.jobs)

    @property
    def threads(self) -> int:
        """The number of CPU threads of each process. It is equal in all trials, so that their losses are comparable.

        The number respects the user's limit, OMP_NUM_THREADS.
        """
        if self.pinned_threads:
            return self.pinned_threads
        fair = max(1, cores() // (self.jobs * max(1, self.processes)))
        allowed = os.environ.get("OMP_NUM_THREADS", "")
        return min(fair, int(allowed)) if allowed.isdigit() and int(allowed) > 0 else fair


def cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)))
