"""A run forked by the fork server, with the interface of `subprocess.Popen`."""

import os
import select
import signal
import struct
from typing import IO

STATUS = struct.Struct("i")


class ForkedProcess:
    """A process that the fork server has started, with those attributes and methods of `Popen` that descend uses."""

    def __init__(self, pid: int, status: int, stderr: IO[bytes]) -> None:
        self.pid, self.stderr = pid, stderr
        self.returncode: int | None = None
        self._status = status  # file descriptor from which the exit status is read

    def poll(self) -> int | None:
        """Return the run's exit status as `Popen.poll` does; None while the run continues."""
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self) -> int:
        """Wait for the end of the run; return its exit status."""
        if self.returncode is None:
            data = os.read(self._status, STATUS.size)
            os.close(self._status)
            self.returncode = STATUS.unpack(data)[0] if data else -signal.SIGKILL
        return self.returncode
