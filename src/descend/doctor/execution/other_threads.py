"""Wait for a script's other threads after the end of its main thread, as long as they train.

Plain python waits for all threads except daemons. A thread that sleeps or serves for hours would block descend.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from descend.doctor.record import Note

LOOK_S = 0.2  # seconds between two checks whether threads still train
LAST_STEP_S = 5.0  # seconds that the last step may take after the time limit, unless the window is longer
PROBE = "threads"  # name of the note about threads


class HasStepCount(Protocol):
    """An object that counts optimizer steps and has the time of the first one."""

    @property
    def steps(self) -> int:
        """The number of steps so far."""

    @property
    def began(self) -> float | None:
        """The start of the first step by `time.perf_counter`; None before the first step."""


def longest_training_seconds(seconds: float) -> float:
    """Return the seconds of training after which a run must end: its window plus time for the last step."""
    return seconds + max(seconds, LAST_STEP_S)


def call_when_training_ends(watch: HasStepCount, end: Callable[[Note], None]) -> None:
    """Start a thread that calls `end` when the script's threads no longer train, with a note that names them."""

    def wait() -> None:
        """Wait until no thread trains any more, then call `end`."""
        end(threads_note(wait_for_training(watch)))

    threading.Thread(target=wait, name="descend-threads", daemon=True).start()


def wait_for_training(watch: HasStepCount) -> float:
    """Wait until the script's threads have stopped training; return the seconds since their last step.

    They have stopped if no step was taken for `LAST_STEP_S` and for as long as all earlier steps took together. Before
    the first step, the wait continues, because the first step may be in another thread.
    """
    steps, changed = watch.steps, time.perf_counter()
    while True:
        time.sleep(LOOK_S)
        now = time.perf_counter()
        if watch.began is None or watch.steps != steps:
            steps, changed = watch.steps, now
        elif now - changed > max(LAST_STEP_S, changed - watch.began):
            return now - changed


def threads_note(seconds: float) -> Note:
    """Return a note about the threads that still run; `seconds` is the time since their last step."""
    main = threading.main_thread()
    names = [thread.name for thread in threading.enumerate() if thread is not main and not thread.daemon]
    which = f"thread {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "") if names else "threads"
    reason = f"the run was ended without waiting for the script's {which}: no step was taken in {seconds:.0f} s"
    return Note(PROBE, reason)
