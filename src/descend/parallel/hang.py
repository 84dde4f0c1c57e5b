"""Names the process that the others wait for.

Each process counts its forward passes and losses, and tells the count to all every few seconds, from a thread. One
whose own count stands still, and is greater than another's, waits for that other.
"""

import atexit
import threading
import time
import warnings
import weakref
from typing import Any

import torch.distributed as dist

from descend.parallel import group

EVERY_S = 5.0
QUIET_S = 30.0  # without a mark, before anything is said
ENDING_S = 10.0  # that a call of the store may take yet at the end of the program


class Progress:
    """Counts what a process does in its steps, until the object is gone."""

    def __init__(self) -> None:
        self.marks, self.moved = 0, time.monotonic()
        if dist.get_world_size() > 1:
            name = group.first_says(f"progress {id(self)} {time.time()}")
            store: Any = group.store()  # whose own connection the training may be waiting at
            over = threading.Event()
            arguments = (weakref.ref(self), name, dist.get_rank(), dist.get_world_size(), store.clone(), over)
            thread = threading.Thread(target=_tell, args=arguments, name="descend-progress", daemon=True)
            thread.start()
            atexit.register(_end, thread, over)

    def mark(self, *_: Any) -> None:
        """Count one."""
        self.marks += 1
        self.moved = time.monotonic()


def _end(thread: threading.Thread, over: threading.Event) -> None:
    """End a thread before the interpreter does: one that is within the store's C++ then aborts the process."""
    over.set()
    thread.join(ENDING_S)


def _tell(own: "weakref.ref[Progress]", name: str, rank: int, size: int, store: Any, over: threading.Event) -> None:
    """Tell the count to the others as long as there is one; say once of each count who is waited for."""
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
                    warnings.warn(waited_for(late, quiet), stacklevel=1)
        except RuntimeError:  # the store has gone, and with it the group
            return
        if over.wait(EVERY_S):
            return


def waited_for(late: list[int], seconds: float) -> str:
    """Say who is waited for."""
    those = f"process {late[0]}" if len(late) == 1 else "processes " + ", ".join(map(str, late))
    return f"for {seconds:.0f} s the others have waited for {those}: it hangs, or its step takes so long"
