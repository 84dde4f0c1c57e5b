"""Replicas on one virtual clock: asynchronous training whose every run is the same, for any number of them.

A replica computes on what it fetched when its last step was over, so its gradient is stale by as many updates as the
others have made while it computed.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Step = Callable[[], object]  # one training step of one replica, with what it tells the server


@dataclass(frozen=True)
class Turn:
    """A step that was over: when, in seconds of the virtual clock, and whose."""

    time: float
    replica: int


def take_turns(replicas: Sequence[Step], seconds: Callable[[int], float], steps: int) -> list[Turn]:
    """Let replicas step as soon as each is done, until they have taken so many steps together.

    seconds: how long the next step of a replica takes. Raises `ValueError` for a step that takes no time.
    """
    waiting = [(_spent(seconds, k), k) for k in range(len(replicas))]
    heapq.heapify(waiting)
    turns: list[Turn] = []
    while len(turns) < steps:
        time, replica = waiting[0]
        replicas[replica]()
        turns.append(Turn(time, replica))
        heapq.heapreplace(waiting, (time + _spent(seconds, replica), replica))
    return turns


def _spent(seconds: Callable[[int], float], replica: int) -> float:
    spent = seconds(replica)
    if not spent > 0:
        raise ValueError(f"a step of replica {replica} must take some time, not {spent} s")
    return spent


def in_step(seconds: Callable[[int], float], workers: int, steps: int, *, backups: int = 0, local: int = 1) -> float:
    """Return how long so many synchronous steps take, each of which waits for all but the `backups` slowest workers.

    local: steps that a worker takes by itself before it waits for the others. What the slowest were doing is dropped
    (Chen et al. 2016, §3). Raises `ValueError` for as many backups as workers, and for a step that takes no time.
    """
    if not 0 <= backups < workers:
        raise ValueError(f"backups must be fewer than the {workers} workers, not {backups}")
    total = 0.0
    for _ in range(0, steps, local):
        spent = sorted(sum(_spent(seconds, k) for _ in range(local)) for k in range(workers))
        total += spent[workers - 1 - backups]
    return total
