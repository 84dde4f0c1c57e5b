"""Run a script once in its scratch copy, for a command that needs one recorded run."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from descend.core.interruption import interruption_status
from descend.doctor.commands.terminal import console, pass_on_error, say
from descend.doctor.script.run_names import EndReason

if TYPE_CHECKING:  # These imports are only for types; skipping them at run time keeps `--help` fast.
    from descend.doctor.record import Message, Record
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import Script

FAILING = (EndReason.FAILED, EndReason.KILLED)  # values of `Ending.reason` for a run that failed
PRINTED_EVERY_S = 5.0  # seconds between two progress lines, if standard error is not a terminal


def run_once(script: "Script", plan: "Plan", progress_message: "Callable[[Record], str] | None" = None) -> "Record":
    """Run the script once and return its record, even if the script fails or the user interrupts it.

    `progress_message` is shown on standard error during the run. If the script fails, its error output is printed.
    """
    from descend.doctor.execution.launch import new_record, run
    from descend.doctor.record import Ending
    from descend.doctor.report.formatting import script_exit_message

    record = new_record(script, plan)
    with _Progress(progress_message) as progress:
        try:
            run(script, plan, record, lambda messages: progress.update(record, messages))
        except KeyboardInterrupt as error:
            record.add(Ending("interrupted", interruption_status(error), record.steps))
    if record.ending and record.ending.reason in FAILING:
        pass_on_error(record.ending.error)
        say(script_exit_message(script.path.name, record.ending, record.ending.status))
    return record


def status_of(record: "Record") -> int:
    """Return the exit status of a command from its run: 0 unless the script failed or was interrupted."""
    if record.ending is None or record.ending.reason not in (*FAILING, "interrupted"):
        return 0
    return record.ending.status or 1


class _Progress:
    """A context manager that shows a run's progress in one line: redrawn on a terminal, else printed repeatedly."""

    def __init__(self, message: "Callable[[Record], str] | None") -> None:
        self._message, self._current, self._console = message, "starting", console(stderr=True)
        self._status = self._console.status(self._current) if message and self._console.is_terminal else None
        self._over = threading.Event()
        self._printer = threading.Thread(target=self._print, daemon=True) if message and not self._status else None

    def __enter__(self) -> "_Progress":
        if self._status:
            self._status.start()
        if self._printer:
            self._printer.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._status:
            self._status.stop()
        if self._printer:
            self._printer.join()

    def update(self, record: "Record", messages: "list[Message]") -> None:
        """Update the progress line after new messages of the run."""
        if self._message is None or not messages:
            return
        self._current = self._message(record)
        if self._status:
            self._status.update(self._current)

    def _print(self) -> None:
        """Print the progress line every few seconds, since a long measurement may send no message for a while."""
        began = time.monotonic()
        while not self._over.wait(PRINTED_EVERY_S):
            line = f"descend: {self._current}, {time.monotonic() - began:.0f} s so far"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
