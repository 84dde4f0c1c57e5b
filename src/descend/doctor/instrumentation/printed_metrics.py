"""Read the metrics that a script prints or logs; the output itself is passed on unchanged.

Standard output and standard error, line by line: prints, logging, bars of progress. Streams that the script puts in
their place, and what is written past them into a file descriptor, are not metrics.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from descend.doctor.instrumentation.steps.metric_parsing import LONGEST, LoggedMetric, parse_metrics
from descend.doctor.record import Fact, Listener, Reading, facts

MOST_NAMES = 50
MOST_READINGS = 2000  # number of values stored for each metric; of the later values, only the last is stored


class PrintedMetrics:
    """Records the metrics that a script prints; `step` returns the number of steps so far."""

    def __init__(self, send: Listener, step: Callable[[], int]) -> None:
        self.send, self.step = send, step
        self._process = os.getpid()
        self._counts: Counter[str] = Counter()
        self._last: dict[str, Reading] = {}  # last value of each metric that is printed too often

    def read_line(self, line: str) -> None:
        """Record the metrics in one line that the script has printed."""
        for number in parse_metrics(line):
            if number.name in self._counts or len(self._counts) < MOST_NAMES:
                self._record(number)

    def _record(self, number: LoggedMetric) -> None:
        """Send the value of a printed metric and, the first time, whether larger values are better."""
        reading = Reading("logged_metric", number.name, self.step(), number.value)
        self._counts[number.name] += 1
        if self._counts[number.name] == 1:
            fact = facts.MetricName(number.rises, number.is_share, number.is_loss, number.is_held_out)
            self.send([Fact.of(fact, reading.step, number.name)])
        if self._counts[number.name] <= MOST_READINGS:
            self.send([reading])
        else:
            self._last[number.name] = reading

    def finish(self) -> None:
        """Send the last values of the metrics that were printed more than `MOST_READINGS` times."""
        self.send(list(self._last.values()))

    def is_active(self) -> bool:
        """Return whether this is the observed process, and not a worker that was forked from it."""
        return os.getpid() == self._process


@contextmanager
def reading_prints(metrics: PrintedMetrics) -> Iterator[None]:
    """Record the metrics that the script prints to standard output or standard error inside the `with` block."""
    with ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError):  # The `write` of some streams cannot be replaced.
                original = stream.write
                stream.write = _wrap_write(original, metrics)  # type: ignore[method-assign]
                stack.callback(_restore_write, stream, stream.write)
        yield


def _wrap_write(write: Callable[[str], Any], metrics: PrintedMetrics) -> Callable[[str], Any]:
    """Return a replacement of a stream's `write` that records the metrics in each line and writes the text."""
    begun = ""  # `print` may write a line in several pieces, so an incomplete line is kept

    def record_and_write(text: str) -> Any:
        """Record the metrics in the complete lines of the text, and write the text to the stream."""
        nonlocal begun
        if metrics.is_active():
            try:
                *lines, begun = (begun + text).replace("\r", "\n").split("\n")
                begun = begun[:LONGEST]
                for line in lines:
                    metrics.read_line(line)
            except Exception:  # The stream itself raises an error if `text` is not a string.
                begun = ""
        return write(text)

    return record_and_write


def _restore_write(stream: Any, ours: Any) -> None:
    """Restore the stream's own `write`, unless the script has replaced it in the meantime."""
    if stream.__dict__.get("write") is ours:
        del stream.write
