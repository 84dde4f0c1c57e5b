"""The wait for a script's other threads when its main thread has ended: as long as they train.

Plain python waits for every thread that is no daemon. One that sleeps or serves for hours would hold a consultation.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from descend.doctor.record import Note

LOOK_S = 0.2  # between two looks at whether threads still train
LAST_STEP_S = 5.0  # a step that is under way when the time is up may take this long, or as long as the window
PROBE = "threads"  # the note's name


class Counting(Protocol):
    """What counts the optimizer's steps. began: when the first one did, by `time.perf_counter`."""

    @property
    def steps(self) -> int: ...  # noqa: D102

    @property
    def began(self) -> float | None: ...  # noqa: D102


def own_limit(seconds: float) -> float:
    """Return the seconds of training after which a run ends itself: its window, and time to finish the last step."""
    return seconds + max(seconds, LAST_STEP_S)


def when_training_ends(watch: Counting, end: Callable[[Note], None]) -> None:
    """Call `end` in a new thread, with the note that names the script's threads, when these no longer train."""

    def wait() -> None:
        end(not_awaited(wait_for_training(watch)))

    threading.Thread(target=wait, name="descend-threads", daemon=True).start()


def wait_for_training(watch: Counting) -> float:
    """Return when no step was taken for `LAST_STEP_S`, or for as long as all steps before took: the seconds of that.

    A script that has not begun to train is waited for: its first step may come in another thread.
    """
    steps, changed = watch.steps, time.perf_counter()
    while True:
        time.sleep(LOOK_S)
        now = time.perf_counter()
        if watch.began is None or watch.steps != steps:
            steps, changed = watch.steps, now
        elif now - changed > max(LAST_STEP_S, changed - watch.began):
            return now - changed


def not_awaited(seconds: float) -> Note:
    """Return the note on the threads that still run; `seconds` is for how long they have taken no step."""
    main = threading.main_thread()
    names = [thread.name for thread in threading.enumerate() if thread is not main and not thread.daemon]
    which = f"thread {names[0]}" + (f" and {len(names) - 1} more" if names[1:] else "") if names else "threads"
    return Note(PROBE, f"the run was ended without waiting for the script's {which}: no step in {seconds:.0f} s")
