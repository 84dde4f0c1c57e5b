"""A simulation of asynchronous replicas on a virtual clock, so that every run is reproducible.

A replica computes its gradient on the parameters it fetched after its last step. The gradient is stale by the number
of updates that the other replicas made meanwhile.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Step = Callable[[], object]  # a function that performs one training step of one replica


@dataclass(frozen=True)
class Turn:
    """The end of one step in a simulation.

    Parameters
    ----------
    time : float
        The time in seconds on a virtual clock.
    replica : int
        The index of the replica.
    """

    time: float
    replica: int


def take_turns(replicas: Sequence[Step], seconds: Callable[[int], float], steps: int) -> list[Turn]:
    """Run replicas on a virtual clock, where each starts a step when its last one ends. Return the first `steps` steps.

    Parameters
    ----------
    replicas : sequence of callable
        Functions without arguments, each of which takes one step of a replica.
    seconds : callable
        Returns the duration in seconds of a replica's next step, for its number.
    steps : int
        The number of steps of all replicas together.

    Returns
    -------
    list of Turn
        The steps, in the order in which they end.

    Raises
    ------
    ValueError
        For a duration that is not positive.
    """
    waiting = [(_step_seconds(seconds, k), k) for k in range(len(replicas))]
    heapq.heapify(waiting)
    turns: list[Turn] = []
    while len(turns) < steps:
        time, replica = waiting[0]
        replicas[replica]()
        turns.append(Turn(time, replica))
        heapq.heapreplace(waiting, (time + _step_seconds(seconds, replica), replica))
    return turns


def _step_seconds(seconds: Callable[[int], float], replica: int) -> float:
    """Return the duration in seconds of a replica's next step. Raises `ValueError` if it is not positive."""
    spent = seconds(replica)
    if not spent > 0:
        raise ValueError(f"the duration of a step must be positive; for replica {replica} it is {spent} s")
    return spent


def in_step(seconds: Callable[[int], float], workers: int, steps: int, *, backups: int = 0, local: int = 1) -> float:
    """Return the simulated seconds of `steps` synchronous steps that wait for all but the `backups` slowest workers.

    The slowest workers' results are dropped (Chen et al. 2016, §3).

    Parameters
    ----------
    seconds : callable
        Returns the duration in seconds of the next step of a worker, for its number.
    workers : int
        The number of workers.
    steps : int
        The number of steps.
    backups : int
        The number of workers that a step does not wait for.
    local : int
        The number of local steps between synchronisations.

    Returns
    -------
    float
        The simulated seconds.

    Raises
    ------
    ValueError
        Unless there are fewer backups than workers, and for a duration that is not positive.
    """
    if not 0 <= backups < workers:
        raise ValueError(f"the number of backups must be less than the number of workers ({workers}), not {backups}")
    total = 0.0
    for _ in range(0, steps, local):
        spent = sorted(sum(_step_seconds(seconds, k) for _ in range(local)) for k in range(workers))
        total += spent[workers - 1 - backups]
    return total
