"""How far a consultation is, and how long what is under way will take, in words."""

import time
from collections.abc import Sequence
from statistics import fmean

from descend.doctor.record import Ending, Fact, Message, Record, facts
from descend.doctor.record.facts.typed import typed
from descend.doctor.report.wording import count, duration

LEAST_S = 1.0  # what is under way is not over


class ExamPace:
    """Of the run that is diagnosed: it ends with its window, or before by itself."""

    def __init__(self) -> None:
        self._record = Record()
        self._window: facts.Window | None = None  # told before all else
        self._began = time.monotonic()
        self._waiting = 0.0  # when the script itself began
        self._first = 0.0  # when the first step was heard of
        self.is_over = False

    def take(self, record: Record, messages: Sequence[Message]) -> None:
        """Take messages; those of another record begin anew."""
        if record is not self._record:
            self._record, self.is_over = record, False
            self._began, self._waiting, self._first = time.monotonic(), 0.0, 0.0
        for message in messages:
            if isinstance(message, Fact) and message.name == facts.name_of(facts.Window):
                self._window = typed(facts.Window, message.detail)
            if isinstance(message, Fact) and message.name == facts.name_of(facts.Begun):
                self._waiting = time.monotonic()
        if not self._first and record.steps:
            self._first = time.monotonic()
        self.is_over = record.ending is not None

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return self._record.steps

    @property
    def most_steps(self) -> int | None:
        """Steps that are observed at most."""
        return self._window.steps if self._window else None

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def words(self) -> str:
        """Return `120 of at most 1 000 steps, about 12 s left`."""
        window = self._window
        if window is None or not self._first and not self._waiting:
            return "starting"
        if not self._first:
            most = duration(window.patience)
            return f"waiting for the first step, {duration(time.monotonic() - self._waiting)} so far, {most} at most"
        of = f"{self.steps} of at most {count(window.steps, 'step')}"
        return f"{of}, about {duration(self._left(window))} left"

    def _left(self, window: facts.Window) -> float:
        """Return after how many seconds the window closes, if the steps go on as they did."""
        passed = max(time.monotonic() - self._first, 1e-3)
        trained = max(passed - sum(cost.seconds for cost in self._record.costs.values()), 0.1 * passed)
        step = trained / max(1, self.steps)
        enough = max((window.least_steps - self.steps) * step, window.quick_s - trained)
        left = min(window.seconds - trained, (window.steps - self.steps) * step, enough)
        return max(LEAST_S, left * passed / trained)


class TrialsPace:
    """Of the runs that try remedies. How many more there will be depends on how they go: those that are known count."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._began: dict[int, float | None] = {}  # runs that are not done: when each has begun, None while it waits
        self._took: list[float] = []
        self.exam_s = 0.0  # how long the run took that they are held against
        self.known = 0

    def take(self, record: Record, messages: Sequence[Message]) -> None:
        """Take messages of a run; the first call announces it."""
        key = id(record)
        if key not in self._began:
            self.known += 1
            self._began[key] = None
            return
        self._began[key] = began = self._began[key] or time.monotonic()
        if any(isinstance(message, Ending) for message in messages):
            del self._began[key]
            self._took.append(time.monotonic() - began)

    @property
    def done(self) -> int:
        """Runs that have ended."""
        return len(self._took)

    @property
    def words(self) -> str:
        """Return `3 of 9 runs done, about 12 s left of these`."""
        if not self._began:
            return f"{count(self.done, 'run')} done"
        return f"{self.done} of {count(self.known, 'run')} done, about {duration(self._left())} left of these"

    def _left(self) -> float:
        each, now = fmean(self._took) if self._took else self.exam_s, time.monotonic()
        going = [max(0.0, each - (now - began)) for began in self._began.values() if began is not None]
        waiting = len(self._began) - len(going)
        return max((sum(going) + waiting * each) / self._jobs, *going, LEAST_S)
