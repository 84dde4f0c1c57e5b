"""The progress of a consultation and the estimated time that its current part will take, as text."""

import time
from collections.abc import Sequence
from statistics import fmean

from descend.core.deadline import Deadline
from descend.doctor.record import Ending, Fact, Message, Record, facts
from descend.doctor.record.facts.typed import typed
from descend.doctor.report.formatting import count, duration
from descend.doctor.trials.study import TO_THE_END

LEAST_S = 1.0  # smallest number of remaining seconds that is shown while a run has not ended


class BaselineProgress:
    """The progress of the baseline run, which ends with the script or after a limited number of steps or seconds."""

    def __init__(self, trials_length: int, deadline: Deadline) -> None:
        """trials_length: the probable duration of all trials, in multiples of the script's; 0 without trials."""
        self._trials_length, self._deadline = trials_length, deadline
        self._record = Record()
        # largest number of steps and seconds of the observation, from the first fact of the record
        self._window: facts.Window | None = None
        self._waiting = 0.0  # time (`time.monotonic`) when the script's own code began; 0 before that
        self._first = 0.0  # time (`time.monotonic`) when the first step was reported; 0 before that
        self._has_ended = False  # whether the observed part of the script has ended
        self.is_over = False

    def update(self, record: Record, messages: Sequence[Message]) -> None:
        """Update the progress with new messages of a record; start again at zero if the record is a new one."""
        if record is not self._record:
            self._record, self._has_ended, self.is_over = record, False, False
            self._waiting, self._first = 0.0, 0.0
        for message in messages:
            if isinstance(message, Fact) and message.name == facts.name_of(facts.Window):
                self._window = typed(facts.Window, message.detail)
            if isinstance(message, Fact) and message.name == facts.name_of(facts.ScriptStarted):
                self._waiting = time.monotonic()
            if isinstance(message, Fact) and message.name == facts.name_of(facts.ScriptEnded):
                self._has_ended = True
        if not self._first and record.steps:
            self._first = time.monotonic()
        self.is_over = record.ending is not None

    @property
    def steps(self) -> int:
        """The number of optimizer steps so far."""
        return self._record.steps

    @property
    def most_steps(self) -> int | None:
        """The largest number of steps that will be observed; None while it is unknown, or if the script decides."""
        return self._window.steps if self._window and self._window.steps < TO_THE_END else None

    @property
    def message(self) -> str:
        """The progress as a phrase, for example `120 of at most 1 000 steps, about 60 s left with trials`."""
        window = self._window
        if self._has_ended:
            return f"{count(self.steps, 'step')} observed, now the last measurements"
        if window is None or not self._first and not self._waiting:
            return "starting"
        if not self._first:
            waited, most = duration(time.monotonic() - self._waiting), duration(window.patience)
            return f"waiting for the first step for {waited} (at most {most})"
        if window.steps >= TO_THE_END:
            return f"{count(self.steps, 'step')} in {duration(time.monotonic() - self._first)}, until the script ends"
        steps = f"{self.steps} of at most {count(window.steps, 'step')}"
        passed, trained = self._passed_and_trained_s
        training_s = self._training_left_s(window)
        trials_s = self._trials_length * (self.script_s + training_s)
        left = min(max(LEAST_S, training_s * passed / trained) + trials_s, self._deadline.left_s)
        with_trials = " with trials" if trials_s else ""
        return f"{steps}, about {duration(left)} left{with_trials}"

    @property
    def script_s(self) -> float:
        """The seconds that the script's own code has run so far, without measurements."""
        return max(0.0, time.monotonic() - self._waiting - self._measured_s) if self._waiting else 0.0

    @property
    def _passed_and_trained_s(self) -> tuple[float, float]:
        """The seconds since the first step, with and without measurements."""
        passed = max(time.monotonic() - self._first, 1e-3)
        return passed, max(passed - self._measured_s, 0.1 * passed)

    @property
    def _measured_s(self) -> float:
        """The seconds that measurements have taken so far."""
        return sum(cost.seconds for cost in self._record.costs.values())

    def _training_left_s(self, window: facts.Window) -> float:
        """Return the estimated seconds of training that will still be observed, if steps take as long as earlier ones.

        Measurements are not included.
        """
        _, trained = self._passed_and_trained_s
        step = trained / max(1, self.steps)
        enough = max((window.least_steps - self.steps) * step, window.quick_s - trained)
        return max(0.0, min(window.seconds - trained, (window.steps - self.steps) * step, enough))


class TrialsProgress:
    """The progress of the trial runs: of those that were announced, and of those that a proof still needs."""

    def __init__(self, jobs: int, seeds: int, deadline: Deadline) -> None:
        self._jobs, self._deadline = jobs, deadline
        self._own_seed: int | None = None  # the seed of the first trial run, which is that of the baseline run
        # number of runs that are not announced yet: those on fresh seeds, and the check under plain python
        self._expected = 2 * seeds + 1
        # id of a record -> start time (`time.monotonic`) of its run, None before the start; without ended runs
        self._began: dict[int, float | None] = {}
        self._durations_s: list[float] = []
        self.baseline_s = 0.0  # seconds that a trial run probably takes; used until the first one has ended
        self.announced = 0
        self._planned = 0  # number of runs that a command has announced at once; 0 if it announces them one by one
        self._later = 0  # number of runs that follow these

    def plan_runs(self, runs: int, later: int = 0) -> None:
        """Announce a round of runs at once, and the number of those that follow it.

        If the round has more runs than planned, those that follow are still to come.
        """
        self._planned, self._later = self.announced + runs, later

    def update(self, record: Record, messages: Sequence[Message]) -> None:
        """Update the progress with new messages of a trial run; the first call for a run announces it."""
        key = id(record)
        if key not in self._began:
            self.announced += 1
            self._began[key] = None
            self._own_seed = record.seed if self._own_seed is None else self._own_seed
            if record.seed != self._own_seed:
                self._expected = 1
            return
        self._began[key] = began = self._began[key] or time.monotonic()
        if any(isinstance(message, Ending) for message in messages):
            del self._began[key]
            self._durations_s.append(time.monotonic() - began)

    @property
    def total(self) -> int:
        """The number of trial runs that were announced, also of those that have not begun."""
        return max(self.announced, self._planned) + self._later

    @property
    def done(self) -> int:
        """The number of trial runs that have ended."""
        return len(self._durations_s)

    @property
    def message(self) -> str:
        """The progress as a phrase, for example `3 of 9 runs done, about 12 s left`."""
        if not self._began:
            return f"{count(self.done, 'trial run')} done"
        runs = count(self.total, "run")
        return f"{self.done} of {runs} done, about {duration(self._seconds_left())} left"

    def _seconds_left(self) -> float:
        """Return the estimated seconds until all announced and all expected trial runs have ended."""
        each, now = fmean(self._durations_s) if self._durations_s else self.baseline_s, time.monotonic()
        going = [max(0.0, each - (now - began)) for began in self._began.values() if began is not None]
        further = max(0, self._planned - self.announced) + self._later if self._planned else self._expected
        waiting = len(self._began) - len(going) + further
        return min(max((sum(going) + waiting * each) / self._jobs, *going, LEAST_S), self._deadline.left_s)
