"""A script run once in its scratch copy, for what one command wants to know of it."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from descend.doctor.commands.terminal import console, pass_on_error, say
from descend.ground.interruption import interruption_status

if TYPE_CHECKING:  # `--help` would wait for them
    from descend.doctor.record import Message, Record
    from descend.doctor.script.plan import Plan
    from descend.doctor.script.script import Script

FAILING = ("failed", "killed")  # endings
TOLD_EVERY_S = 5.0  # where standard error is no terminal


def run_once(script: "Script", plan: "Plan", words: "Callable[[Record], str] | None" = None) -> "Record":
    """Run the script and return the record, of an interrupted run, too; `words` say how far it is, on standard error.

    Where the script fails, what it said is told.
    """
    from descend.doctor.record import Ending
    from descend.doctor.report.wording import passed_on
    from descend.doctor.run.launch import new_record, run

    record = new_record(script, plan)
    with _Progress(words) as progress:
        try:
            run(script, plan, record, lambda messages: progress.take(record, messages))
        except KeyboardInterrupt as error:
            record.add(Ending("interrupted", interruption_status(error), record.steps))
    if record.ending and record.ending.reason in FAILING:
        pass_on_error(record.ending.error)
        say(passed_on(script.path.name, record.ending))
    return record


def status_of(record: "Record") -> int:
    """Return the exit status that the run leaves to the command: 0 unless the script failed or was interrupted."""
    if record.ending is None or record.ending.reason not in (*FAILING, "interrupted"):
        return 0
    return record.ending.status or 1


class _Progress:
    """One line that says how far a run is: drawn anew on a terminal, else told every few seconds."""

    def __init__(self, words: "Callable[[Record], str] | None") -> None:
        self._words, self._doing, self._console = words, "starting", console(stderr=True)
        self._status = self._console.status(self._doing) if words and self._console.is_terminal else None
        self._over = threading.Event()
        self._teller = threading.Thread(target=self._tell, daemon=True) if words and not self._status else None

    def __enter__(self) -> "_Progress":
        if self._status:
            self._status.start()
        if self._teller:
            self._teller.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._status:
            self._status.stop()
        if self._teller:
            self._teller.join()

    def take(self, record: "Record", messages: "list[Message]") -> None:
        """Take note of what the messages change."""
        if self._words is None or not messages:
            return
        self._doing = self._words(record)
        if self._status:
            self._status.update(self._doing)

    def _tell(self) -> None:
        """Say it again and again: what takes long may send nothing for a while."""
        began = time.monotonic()
        while not self._over.wait(TOLD_EVERY_S):
            line = f"descend: {self._doing}, {time.monotonic() - began:.0f} s so far"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
