"""A run that the fork server has started, as `subprocess.Popen` would show it."""

import os
import select
import signal
import struct
from typing import IO

STATUS = struct.Struct("i")


class Forked:
    """`pid`, `stderr`, `poll`, `wait` and `returncode` of a process that is no child of this one."""

    def __init__(self, pid: int, status: int, stderr: IO[bytes]) -> None:
        self.pid, self.stderr = pid, stderr
        self.returncode: int | None = None
        self._status = status  # where its exit status comes

    def poll(self) -> int | None:
        """Return the exit status as `Popen` gives it, None while it runs."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """Wait for its end."""
        if self.returncode is None:
            data = os.read(self._status, STATUS.size)
            os.close(self._status)
            self.returncode = STATUS.unpack(data)[0] if data else -signal.SIGKILL
        return self.returncode
