"""The helper process of `descend.watch`: it stores the record, diagnoses it, and sends replies to the training.

A reply is one line of JSON with one key: `run` (the number in the store), `say` (a line for the user) or `finding`.
"""

import json
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from descend.core.errors import UsageError
from descend.doctor.commands.watch.reporter import Reporter
from descend.doctor.execution.process import received_messages
from descend.doctor.record import Record
from descend.doctor.record.recording import recording
from descend.doctor.record.store import open_store
from descend.doctor.redaction import mask_secrets_in
from descend.doctor.redaction.commands import shown_command
from descend.doctor.sandbox.environment import describe_environment
from descend.doctor.sandbox.world import role_and_group

SETTINGS = "DESCEND_RECORDER"


def main() -> None:
    """Record a run. The settings come from the environment, since other users could read the process's arguments."""
    settings = json.loads(os.environ.pop(SETTINGS))
    recorder = Recorder(settings)
    try:
        recorder.record()
    except UsageError as error:
        recorder.reply(say=f"{error}; the training continues, but it is not recorded")


class Recorder:
    """Receives the messages of one watched run from the training process, stores them and diagnoses the run."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings, self._lock = settings, threading.Lock()

    def record(self) -> None:
        """Store and diagnose all messages until the run ends. Raise `UsageError` if the store cannot be opened."""
        settings, root = self._settings, Path.cwd()
        program, *arguments = settings["arguments"]
        command = shown_command([program], root / program, root, arguments)
        role, group = role_and_group(os.environ)
        record = Record(0, role, None, command, str(root), 0, describe_environment() | group)
        reporter = Reporter(
            root,
            lambda text: self.reply(say=text),
            ignore=settings["ignore"],
            webhook=settings["webhook"],
            on_finding=lambda finding: self.reply(finding=finding),
        )
        with open_store(settings["store"]) as store:
            with recording(store, record) as take:
                self.reply(run=record.run)
                for messages in filter(None, received_messages(settings["readers"], lambda: self._has_ended(record))):
                    record.extend(messages)
                    take(messages)
                    reporter.update(record, messages)
            reporter.conclude(record, store)

    def reply(self, **content: Any) -> None:
        """Send a reply to the training process, which may have ended without reading it."""
        with self._lock, suppress(OSError):
            os.write(self._settings["answering"], (json.dumps(mask_secrets_in(content)) + "\n").encode())

    def _has_ended(self, record: Record) -> bool:
        """Return whether the run has ended, or its process no longer exists."""
        return record.ending is not None or os.getppid() != self._settings["parent"]
