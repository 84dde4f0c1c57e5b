"""What the attacks have in common: levels of the sandbox, sentinels, and which processes are left of a run."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from waiting import comes

from descend.doctor.execution.forking import ForkServer
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Record
from descend.doctor.sandbox.confinement import strongest_level
from descend.doctor.sandbox.promises import LEVELS
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

REACHED = LEVELS[LEVELS.index(strongest_level()) :]  # this machine's strongest, and those below it
levels = pytest.mark.parametrize("level", LEVELS)

TRAINING = """
import torch
w = torch.ones(2, requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
for step in range({steps}):
    optimizer.zero_grad()
    (w ** 2).sum().backward()
    optimizer.step()
"""
ATTEMPTS = """
import ctypes, json, os, signal, sys, time
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)
said = {}
def attempt(name, action):
    try:
        said[name] = repr(action())
    except OSError as error:
        said[name] = error.strerror or str(error)
def native(name, *arguments):
    def call():
        if getattr(libc, name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return 0
    return call
"""


def skip_unless_reached(level: str) -> None:
    if level not in REACHED:
        pytest.skip(f"this machine has no {level}")


def consulted(
    tmp_path: Path, level: str, attack: str, server: ForkServer | None = None, **plan: object
) -> tuple[Record, dict[str, str]]:
    """The record of a script that attacks, and what it has said of its attempts; it ends with status 4."""
    program = textwrap.dedent(attack) + TRAINING.format(steps=3)
    program += "print(json.dumps(said), file=sys.stderr, flush=True)\nos._exit(4)\n"
    source = ATTEMPTS + 'if __name__ == "__main__":\n' + textwrap.indent(program, "    ")  # workers import it, too
    folder = tmp_path / "project"
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(source)
    script, chosen = Script(folder / "train.py", folder), Plan(role="baseline", sandbox=level, **plan)  # type: ignore[arg-type]
    record = run(script, chosen, new_record(script, chosen), server=server)
    assert record.ending is not None and record.ending.status == 4, record.ending
    # Cleanup after the script's end may add lines to its stderr, so the script's own line is searched.
    # A program that an attempt has started may write to the end of the same line.
    decode = json.JSONDecoder().raw_decode
    return record, next(decode(line)[0] for line in record.ending.error.splitlines() if line.startswith("{"))


def refused(record: Record, kind: str) -> list[str]:
    return [effect.target for effect in record.effects if effect.kind == kind and effect.refused]


def state(path: Path) -> tuple[object, ...]:
    """What must not change of a sentinel: contents, mode, owner."""
    found = path.lstat()
    return hashlib.sha256(path.read_bytes()).hexdigest(), found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns


def victim() -> subprocess.Popen[bytes]:
    """Another program of the user's, in a separate process group."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)


def named(name: str) -> list[int]:
    """The processes of the machine that go by a name of at most 15 characters."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                if Path("/proc", entry, "comm").read_text().strip() == name:
                    found.append(int(entry))
            except OSError:
                continue
    return found


def none_left(name: str) -> bool:
    return comes(lambda: not named(name))
