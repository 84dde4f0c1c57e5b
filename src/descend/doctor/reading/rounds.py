"""What a loop's round is: the backward passes and steps between two steps of the same optimizer, in their order.

A plain loop's is one pass and one step; accumulation has several passes; a GAN has each of its optimizers' in turn.
"""

from types import FrameType
from typing import Any, NamedTuple

KEPT = 1024  # passes and steps: of a round that is longer nothing is known


class Backward(NamedTuple):
    """A backward pass: where the script makes it, and from where it was called, which may be in a library."""

    place: Any
    call: Any


class Step(NamedTuple):
    """A step, and the passes that fed it: how many there have been since each; none where that cannot be foretold."""

    key: str
    ages: tuple[int, ...]


Round = tuple[Backward | Step, ...]


def spot(frame: FrameType) -> tuple[int, int]:
    """Return where a frame stands."""
    return id(frame.f_code), frame.f_lasti


class Rounds:
    """Learns a loop's round from what is told of it."""

    def __init__(self) -> None:
        self._events: list[Backward | Step] = []
        self._last: dict[str, Round] = {}  # of each optimizer

    def backward(self, event: Backward) -> None:
        """Take note of a backward pass."""
        self._events.append(event)
        del self._events[:-KEPT]

    def step(self, key: str, ages: tuple[int, ...]) -> Round | None:
        """Take note of a step; return the round that it ends, where that is like the one before it."""
        earlier = next((i for i in reversed(range(len(self._events))) if _is_step(self._events[i], key)), None)
        self._events.append(Step(key, ages))
        if earlier is None:
            return None
        now = tuple(self._events[earlier + 1 :])
        before, self._last[key] = self._last.get(key), now
        return now if now == before and _is_closed(now) else None


def used(events: Round) -> set[int]:
    """Return which of the backward passes, by their order, feed a step."""
    passes, fed = 0, set[int]()
    for event in events:
        if isinstance(event, Step):
            fed.update(passes - 1 - age for age in event.ages)
        else:
            passes += 1
    return fed


def _is_step(event: Backward | Step, key: str) -> bool:
    return isinstance(event, Step) and event.key == key


def _is_closed(events: Round) -> bool:
    """Whether each step is fed, and by passes of the same round."""
    return all(event.ages for event in events if isinstance(event, Step)) and min(used(events)) >= 0
