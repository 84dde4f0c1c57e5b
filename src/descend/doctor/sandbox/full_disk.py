"""Explain to the user why a script has found no space for its files in the sandbox, and what to do."""

import errno
import os
import re
import tempfile

from descend.doctor.sandbox.promises import RunLevel

# A writer in torch/caffe2/serialize/inline_container.cc reports a full disk only by the position that it has reached.
_FULL = re.compile(
    f"{re.escape(os.strerror(errno.ENOSPC))}|PytorchStreamWriter failed writing|inline_container.* unexpected pos "
)
_ON_DISK = "descend: no space was left for the files of the script's run, which are in {}. Set TMPDIR to a larger disk"
_IN_MEMORY = (
    ". Changes in /dev/shm and next to the run's folder are in memory, up to half of the memory that was available. "
    "Write large files to the working directory"
)


def full_disk_message(error: str, level: RunLevel) -> str:
    """Return one line on what to do if a script's error output shows that its disk is full; "" for other errors."""
    if level == "none" or not _FULL.search(error):
        return ""
    return _ON_DISK.format(tempfile.gettempdir()) + (_IN_MEMORY if level == "namespaces" else "") + ".\n"
