"""How much to look at and how much to try."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

CLOCK = "DESCEND_CLOCK"  # "steps": what is measured does not depend on how busy the machine is, as a test may want it


@dataclass(frozen=True)
class Stage:
    """One stage of a training that has several: the steps of one optimizer, until the next one is made."""

    optimizer: int  # which one of the script's, from 0
    number: int  # which stage, from 1
    of: int
    first_loss: float  # of the first stage


@dataclass(frozen=True)
class Plan:
    """The budget of one case. Every field has the default that `descend doctor --help` states."""

    steps: int = 1000  # optimizer steps observed,
    seconds: float = 60.0  # or seconds of training, whichever comes first;
    least_steps: int = 300  # no more than these, where training takes longer than
    quick_s: float = 5.0  # this many seconds
    patience: float = 600.0  # seconds for reading and preparing data, before the first backward pass
    seeds: int = 5  # fresh seeds that confirm a remedy
    trials: int = 12  # changes at most of each search for what has no name of its own
    suggest: bool = False  # where nothing is wrong, try what may make it a little better
    jobs: int = field(default_factory=lambda: cores())  # trial runs side by side
    pinned_threads: int = 0  # of each run, where another machine than this one runs it
    seed: int = 0  # offset for the script's own seeds
    spread: bool = False  # judge a trial run on batches from all over the run, too
    examples: int = 0  # how many of the first examples are fixed at most: 0 for as many as suffice
    stage: Stage | None = None  # the one that is looked at; the whole run where there is none
    processes: int = 0  # of the group, for a script that torchrun starts; 0 for any other
    timed: bool = field(default_factory=lambda: os.environ.get(CLOCK) != "steps")  # else steps bound it, and no time
    trains: bool = True  # whether the steps move the parameters: without, what a script prints is that of no learning
    role: str = "baseline"  # watch, baseline, trial_run, gradcheck or show
    # In the role show: what is measured, at which steps, and how. In the role bare: that steps are timed.
    asked: Mapping[str, Any] = field(default_factory=dict)
    allow_effects: bool = False  # let the script write, connect and start programs outside its scratch copy
    sandbox: str = "auto"  # how far it is kept apart: auto, namespaces, landlock or hooks
    select: tuple[str, ...] = ()  # symptom ids to look for; all when empty
    ignore: tuple[str, ...] = ()  # symptom ids to leave out

    @property
    def is_fixed(self) -> bool:
        """Whether so many steps are observed, however long they take."""
        return self.least_steps == self.steps

    def fixed_at(self, steps: int) -> "Plan":
        """Return the plan for so many steps, however long they take."""
        return replace(self, steps=steps, least_steps=steps)

    @property
    def threads(self) -> int:
        """CPU threads for each process of a run: the same in every trial run, or their losses could not be compared.

        No more than the user allows with OMP_NUM_THREADS.
        """
        if self.pinned_threads:
            return self.pinned_threads
        fair = max(1, cores() // (self.jobs * max(1, self.processes)))
        allowed = os.environ.get("OMP_NUM_THREADS", "")
        return min(fair, int(allowed)) if allowed.isdigit() and int(allowed) > 0 else fair


def cores() -> int:
    """Return how many cores this process may use."""
    return max(1, len(os.sched_getaffinity(0)))
