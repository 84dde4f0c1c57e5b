"""Run scripts in the doctor's sandbox, and compare all other files before and after."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from descend.doctor.record import Effect
from descend.doctor.record.wire import decode
from descend.doctor.sandbox.environment import child_environment
from descend.doctor.sandbox.landlock import landlock_version
from descend.doctor.sandbox.scratch import scratch_copy
from descend.doctor.script.script import Script

needs_landlock = pytest.mark.skipif(not landlock_version(), reason="the kernel has no Landlock")

BOOT = """
import json, os, runpy, sys
from pathlib import Path
from descend.doctor.record.wire import encode
from descend.doctor.sandbox.effects import watch_effects, wrap_native_writers
from descend.doctor.sandbox.landlock import restrict_writes
config = json.loads(sys.argv[1])
allowed = [Path(folder) for folder in config["writable"]]
pair = Path(config["copy"]), Path(config["root"])
files = Path(config["files"]) if config["files"] else None
watch = watch_effects(allowed, pair, lambda e: os.write(config["report"], encode([e])), config["allow"], files=files)
if config["torch"]:
    import torch
    wrap_native_writers(torch, watch)
if config["landlock"]:
    assert restrict_writes(allowed)
sys.argv = [config["script"]]
sys.path[0] = os.path.dirname(config["script"])
runpy.run_path(config["script"], run_name="__main__")
"""

PREAMBLE = """
import ctypes, errno, os, shutil, socket, sqlite3, subprocess, sys, tempfile
from pathlib import Path
PRECIOUS, ORIGINAL = Path({precious!r}), Path({root!r})
def attempt(name, action):
    try:
        result = action()
        if hasattr(result, "close"):
            result.close()
        print(f"{{name}}: done")
    except Exception as error:
        print(f"{{name}}: {{getattr(error, 'strerror', None) or error}}")
def put(path, text, mode="w"):
    with open(path, mode) as file:
        file.write(text)
"""


@dataclass(frozen=True)
class Outcome:
    said: dict[str, str]  # what became of each attempt
    effects: list[Effect]
    text: str

    def refused(self, kind: str) -> list[str]:
        return [effect.target for effect in self.effects if effect.kind == kind and effect.refused]

    def redirected(self, kind: str) -> list[str]:
        return [effect.target for effect in self.effects if effect.kind == kind and effect.redirected]


def make_world(tmp_path: Path) -> Path:
    """A working directory, and next to it a folder that no script may change."""
    world = tmp_path / "world"
    for folder in ("project/data", "project/runs/old", "precious/deep", "shared"):
        (world / folder).mkdir(parents=True)
    (world / "project/model.pt").write_bytes(b"trained for a week")
    (world / "project/log.txt").write_text("epoch 1\n")
    (world / "project/data/table.npy").write_bytes(bytes(400))
    (world / "project/runs/old/result.json").write_text("{}")
    (world / "precious/model.pt").write_bytes(b"trained for a month")
    (world / "precious/deep/notes.txt").write_text("notes")
    (world / "shared/vocabulary.txt").write_text("a b c\n")
    (world / "project/outside.txt").symlink_to(world / "precious/deep/notes.txt")
    (world / "project/latest.pt").symlink_to("model.pt")
    return world


def fingerprint(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything there is about a tree: names, modes, times, links and contents."""
    found = {}
    for path in sorted([folder, *folder.rglob("*")]):
        about = path.lstat()
        contents: object = path.is_file() and about.st_size < 1 << 30 and path.read_bytes()
        if path.is_symlink():
            contents = os.readlink(path)
        digest = hashlib.sha256(repr(contents).encode()).hexdigest()
        found[str(path)] = (about.st_mode, about.st_mtime_ns, about.st_size, about.st_nlink, digest)
    return found


def examine(
    world: Path,
    source: str,
    *,
    landlock: bool = False,
    allow: bool = False,
    torch: bool = False,
    redirect: bool = False,
) -> Outcome:
    """Run a script in the sandbox, and fail if anything outside its copy has changed, unless `allow`.

    redirect: whether Python's functions for files are redirected. Without it, only the checks are tested.
    """
    root = world / "project"
    preamble = PREAMBLE.format(precious=str(world / "precious"), root=str(root))
    (root / "train.py").write_text(preamble + textwrap.dedent(source))
    before = fingerprint(world)
    with scratch_copy(Script(root / "train.py", root)) as scratch, tempfile.TemporaryFile() as reported:
        config = {
            "script": str(scratch.path_in_copy(root / "train.py")),
            "copy": str(scratch.root),
            "root": str(root),
            "writable": [str(folder) for folder in scratch.writable_folders],
            "report": reported.fileno(),
            "allow": allow,
            "torch": torch,
            "landlock": landlock,
            "files": str(scratch.files) if redirect else "",
        }
        environment = child_environment(1, scratch)
        environment["PYTHONPATH"] = str(Path(__file__).parents[2] / "src")
        done = subprocess.run(
            [sys.executable, "-c", BOOT, json.dumps(config)],
            cwd=scratch.root,
            env=environment,
            pass_fds=[reported.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        reported.seek(0)
        effects = [message for line in reported for message in decode(line)]
    if not allow:
        assert fingerprint(world) == before, done.stdout
    assert done.returncode == 0, done.stdout
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    return Outcome(said, [e for e in effects if isinstance(e, Effect)], done.stdout)


both = pytest.mark.parametrize(
    "landlock", [False, pytest.param(True, marks=needs_landlock)], ids=["hook alone", "with landlock"]
)
