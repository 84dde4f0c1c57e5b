"""Rounds of a training loop: the backward passes and steps between two steps of the same optimizer, in order.

A simple loop's round is one pass and one step. Gradient accumulation has several passes. A GAN's round has the passes
and steps of each optimizer in turn.
"""

from types import FrameType
from typing import Any, NamedTuple

KEPT = 1024  # largest number of backward passes and steps in a round


class Backward(NamedTuple):
    """A backward pass: its place in the script, and the position of its call, which may be in a library."""

    place: Any
    call: Any


class Step(NamedTuple):
    """An optimizer's step. `ages`: how many passes ago it was, for each backward pass used; () if this may vary."""

    key: str
    ages: tuple[int, ...]


Round = tuple[Backward | Step, ...]


def frame_position(frame: FrameType) -> tuple[int, int]:
    """Return (id of the code, index of the instruction) that a frame is executing."""
    return id(frame.f_code), frame.f_lasti


class Rounds:
    """Finds the sequence of backward passes and steps (round) that a training loop repeats."""

    def __init__(self) -> None:
        self._events: list[Backward | Step] = []
        self._last: dict[str, Round] = {}  # key of an optimizer -> the loop's last round

    def add_backward(self, event: Backward) -> None:
        """Record a backward pass as the next event of the loop."""
        self._events.append(event)
        del self._events[:-KEPT]

    def add_step(self, key: str, ages: tuple[int, ...]) -> Round | None:
        """Record a step; return the loop's round that ends with it if this round equals the previous one."""
        earlier = next((i for i in reversed(range(len(self._events))) if _is_step_of(self._events[i], key)), None)
        self._events.append(Step(key, ages))
        if earlier is None:
            return None
        now = tuple(self._events[earlier + 1 :])
        before, self._last[key] = self._last.get(key), now
        return now if now == before and _uses_own_passes(now) else None


def used_passes(events: Round) -> set[int]:
    """Return the indices of those backward passes in a round that a step in the round uses."""
    passes, fed = 0, set[int]()
    for event in events:
        if isinstance(event, Step):
            fed.update(passes - 1 - age for age in event.ages)
        else:
            passes += 1
    return fed


def _is_step_of(event: Backward | Step, key: str) -> bool:
    """Return whether an event is a step of the optimizer with key `key`."""
    return isinstance(event, Step) and event.key == key


def _uses_own_passes(events: Round) -> bool:
    """Return whether each step in a round uses only backward passes of this round."""
    return all(event.ages for event in events if isinstance(event, Step)) and min(used_passes(events)) >= 0
