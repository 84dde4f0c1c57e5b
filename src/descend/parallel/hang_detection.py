"""Detection of hangs: warn which process all other processes are waiting for.

Each process counts its forward passes and losses, and a thread publishes the count every few seconds. A process with a
constant count waits for the processes with a smaller count.
"""

import atexit
import threading
import time
import warnings
import weakref
from typing import Any

import torch.distributed as dist

from descend.parallel import group

EVERY_S = 5.0  # Each process publishes the count of its forward passes and losses at this interval.
QUIET_S = 30.0  # A process warns only if its count has been constant for longer than this time.
ENDING_S = 10.0  # At exit, the main thread waits at most this long for the publishing thread.


class Progress:
    """Counts this process's forward passes and losses. A thread publishes the count while this object exists."""

    def __init__(self) -> None:
        self.marks, self.moved = 0, time.monotonic()
        if dist.get_world_size() > 1:
            name = group.broadcast_from_first(f"progress {id(self)} {time.time()}")
            # The thread clones the store, because training can block the store's own connection.
            store: Any = group.store()
            over = threading.Event()
            arguments = (weakref.ref(self), name, dist.get_rank(), dist.get_world_size(), store.clone(), over)
            thread = threading.Thread(target=_publish_progress, args=arguments, name="descend-progress", daemon=True)
            thread.start()
            atexit.register(_stop_thread, thread, over)

    def count_up(self, *_: Any) -> None:
        """Add 1 to the count of this process's forward passes and losses."""
        self.marks += 1
        self.moved = time.monotonic()


def _stop_thread(thread: threading.Thread, over: threading.Event) -> None:
    """Stop the publishing thread before the interpreter exits, because the thread could then abort the process."""
    over.set()
    thread.join(ENDING_S)


def _publish_progress(
    own: "weakref.ref[Progress]", name: str, rank: int, size: int, store: Any, over: threading.Event
) -> None:
    """Publish the count while the `Progress` object exists, and warn which processes the others wait for."""
    said, keys = -1, [f"{name} {k}" for k in range(size)]
    while (progress := own()) is not None:
        marks, quiet = progress.marks, time.monotonic() - progress.moved
        del progress
        try:
            store.set(keys[rank], str(marks))
            if quiet > QUIET_S and marks != said and store.check(keys):
                counts = [int(store.get(key)) for key in keys]
                late = [k for k in range(size) if counts[k] < marks]
                if late and rank == min(k for k in range(size) if k not in late):
                    said = marks
                    warnings.warn(hang_message(late, quiet), stacklevel=1)
        except RuntimeError:  # The store no longer exists, so the process group has ended.
            return
        if over.wait(EVERY_S):
            return


def hang_message(late: list[int], seconds: float) -> str:
    """Return a warning that names the processes which all other processes are waiting for."""
    those = f"process {late[0]}" if len(late) == 1 else "processes " + ", ".join(map(str, late))
    return f"all other processes have waited {seconds:.0f} s for {those}, because of a hang or a slow step"
