"""Hears what a script prints: the numbers by name become series, and what is printed goes where it goes.

Standard output and standard error, line by line: prints, logging, bars of progress. Streams that the script puts in
their place, and what is written past them into a file descriptor, are not heard.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from descend.doctor.reading.own_numbers import LONGEST, OwnNumber, own_numbers
from descend.doctor.record import Fact, Listener, Reading, facts

MOST_NAMES = 50
MOST_READINGS = 2000  # of one name: of a script that prints more often than that the last one is kept, too


class Hearing:
    """What is heard of one run. `step` gives how many steps have been taken."""

    def __init__(self, send: Listener, step: Callable[[], int]) -> None:
        self.send, self.step = send, step
        self._process = os.getpid()
        self._counts: Counter[str] = Counter()
        self._last: dict[str, Reading] = {}  # what is not sent yet

    def hear(self, line: str) -> None:
        """Take one line."""
        for number in own_numbers(line):
            if number.name in self._counts or len(self._counts) < MOST_NAMES:
                self._take(number)

    def _take(self, number: OwnNumber) -> None:
        reading = Reading("own_number", number.name, self.step(), number.value)
        self._counts[number.name] += 1
        if self._counts[number.name] == 1:
            told = facts.OwnNumber(number.rises, number.is_share, number.is_loss, number.is_held_out)
            self.send([Fact.of(told, reading.step, number.name)])
        if self._counts[number.name] <= MOST_READINGS:
            self.send([reading])
        else:
            self._last[number.name] = reading

    def finish(self) -> None:
        """Send the last numbers of those that are printed too often."""
        self.send(list(self._last.values()))

    def listens(self) -> bool:
        """Whether this is the process that is observed, and no worker forked from it."""
        return os.getpid() == self._process


@contextmanager
def hearing(heard: Hearing) -> Iterator[None]:
    """Have what the script prints read as it passes, for as long as the context lasts."""
    with ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError):  # a stream that cannot have its `write` replaced is not heard
                original = stream.write
                stream.write = _passing(original, heard)  # type: ignore[method-assign]
                stack.callback(_put_back, stream, stream.write)
        yield


def _passing(write: Callable[[str], Any], heard: Hearing) -> Callable[[str], Any]:
    begun = ""  # of a line: print writes it in pieces

    def passing(text: str) -> Any:
        nonlocal begun
        if heard.listens():
            try:
                *lines, begun = (begun + text).replace("\r", "\n").split("\n")
                begun = begun[:LONGEST]
                for line in lines:
                    heard.hear(line)
            except Exception:  # what is no text is the stream's to complain of
                begun = ""
        return write(text)

    return passing


def _put_back(stream: Any, ours: Any) -> None:
    if stream.__dict__.get("write") is ours:
        del stream.write
