"""A script run once in its scratch copy, for what one command wants to know of it."""

import sys
import time
from collections.abc import Callable

import typer

from descend.errors import INTERRUPTED
from descend.plan import Plan
from descend.record import Ending, Message, Record
from descend.script import Script

FAILING = ("failed", "killed")  # endings
TOLD_EVERY_S = 5.0  # where standard error is no terminal


def run_once(script: Script, plan: Plan, words: Callable[[Record], str] | None = None) -> Record:
    """Run the script and return the record, of an interrupted run, too; `words` say how far it is, on standard error.

    Where the script fails, what it said is told.
    """
    from descend.report.wording import passed_on
    from descend.run.launch import new_record, run

    record = new_record(script, plan)
    with _Progress(words) as progress:
        try:
            run(script, plan, record, lambda messages: progress.take(record, messages))
        except KeyboardInterrupt:
            record.add(Ending("interrupted", INTERRUPTED, record.steps))
    if record.ending and record.ending.reason in FAILING:
        sys.stderr.write(record.ending.error)
        typer.echo(f"descend: {passed_on(script.path.name, record.ending)}", err=True)
    return record


def status_of(record: Record) -> int:
    """Return the exit status that the run leaves to the command: 0 unless the script failed or was interrupted."""
    if record.ending is None or record.ending.reason not in (*FAILING, "interrupted"):
        return 0
    return record.ending.status or 1


class _Progress:
    """One line that says how far a run is: drawn anew on a terminal, else told every few seconds."""

    def __init__(self, words: Callable[[Record], str] | None) -> None:
        from rich.console import Console

        self._words, self._console = words, Console(stderr=True)
        self._status = self._console.status("starting") if words and self._console.is_terminal else None
        self._told = time.monotonic()

    def __enter__(self) -> "_Progress":
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._status:
            self._status.stop()

    def take(self, record: Record, messages: list[Message]) -> None:
        """Say what the messages change."""
        if self._words is None or not messages:
            return
        if self._status:
            self._status.update(self._words(record))
        elif time.monotonic() - self._told > TOLD_EVERY_S:
            self._told = time.monotonic()
            self._console.print(f"descend: {self._words(record)}", markup=False, highlight=False, soft_wrap=True)
