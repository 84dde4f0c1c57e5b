"""The process beside a training that `descend.watch` observes: it keeps the record, looks at it, and answers.

An answer is a line of JSON: `run`, the number in the store; `say`, a line for the user; `finding`, a sure one.
"""

import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from descend.doctor.canon import CANON
from descend.doctor.commands.watching.alerts import require_address
from descend.doctor.commands.watching.watchman import Watchman
from descend.doctor.record import Record
from descend.doctor.record.keeping import keeping
from descend.doctor.record.store import open_store
from descend.doctor.redaction import cleaned
from descend.doctor.redaction.commands import shown_command
from descend.doctor.run.process import received
from descend.doctor.sandbox.environment import describe_environment
from descend.doctor.sandbox.world import watched_as
from descend.ground.errors import UsageError

SETTINGS = "DESCEND_RECORDER"


def main() -> None:
    """Keep the record of the run whose settings the environment holds: arguments can be read by all users."""
    settings = json.loads(os.environ.pop(SETTINGS))
    recorder = Recorder(settings)
    try:
        recorder.record()
    except UsageError as error:
        recorder.answer(say=f"{error}; the training goes on unrecorded")


class Recorder:
    """Takes one run's messages until it ends."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings, self._lock = settings, threading.Lock()

    def record(self) -> None:
        """Keep everything that comes. Raises `UsageError` where the store cannot be opened."""
        settings, root = self._settings, Path.cwd()
        if unknown := [name for name in settings["ignore"] if name not in CANON]:
            self.answer(say=f"ignore: there is no symptom {unknown[0]}")
        program, *arguments = settings["arguments"]
        command = shown_command([program], root / program, root, arguments)
        role, group = watched_as(os.environ)
        record = Record(0, role, None, command, str(root), 0, describe_environment() | group)
        watchman = Watchman(
            root,
            lambda text: self.answer(say=text),
            ignore=settings["ignore"],
            webhook=self._webhook(),
            hand_over=lambda finding: self.answer(finding=finding),
        )
        with open_store(settings["store"]) as store:
            with keeping(store, record) as take:
                self.answer(run=record.run)
                for messages in received(settings["readers"], lambda: self._is_over(record)):
                    record.extend(messages)
                    take(messages)
                    watchman.look(record, messages)
            watchman.conclude(record, store)

    def answer(self, **answer: Any) -> None:
        """Send an answer; nobody may be there any more to read it."""
        with self._lock, suppress(OSError):
            os.write(self._settings["answering"], (json.dumps(cleaned(answer)) + "\n").encode())

    def _webhook(self) -> str:
        """Return the address that findings are posted to; "" where none is given, or what is given is none."""
        address = str(self._settings["webhook"])
        try:
            if address:
                require_address(address)
        except UsageError as error:
            self.answer(say=f"{error}; nothing is posted")
            return ""
        return address

    def _is_over(self, record: Record) -> bool:
        return record.ending is not None or os.getppid() != self._settings["parent"]
