"""Landlock refuses effects that the interpreter cannot see."""

import ctypes
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from descend.doctor.sandbox import landlock

needs_landlock = pytest.mark.skipif(not landlock.landlock_version(), reason="the kernel has no Landlock")


def restricted(tmp_path: Path, program: str) -> str:
    """What `program` prints in a process that may only write to `free`; `kept` and `free` are folders."""
    for name in ("kept", "free"):
        (tmp_path / name).mkdir()
    (tmp_path / "kept/model.pt").write_bytes(b"weights")
    start = f"""
        import ctypes, os, subprocess, sys
        from pathlib import Path
        from descend.doctor.sandbox.landlock import restrict_writes
        kept, free = Path({str(tmp_path / "kept")!r}), Path({str(tmp_path / "free")!r})
        assert restrict_writes([free, Path("/not/there")])
    """
    source = textwrap.dedent(start) + textwrap.dedent(program)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def untouched(tmp_path: Path) -> bool:
    kept = tmp_path / "kept"
    return os.listdir(kept) == ["model.pt"] and (kept / "model.pt").read_bytes() == b"weights"


CHANGES = {
    "write": "(kept / 'model.pt').write_bytes(b'')",
    "append": "open(kept / 'model.pt', 'a')",
    "truncate": "os.truncate(kept / 'model.pt', 0)",
    "create": "(kept / 'new').write_text('')",
    "delete": "(kept / 'model.pt').unlink()",
    "rename": "os.rename(kept / 'model.pt', kept / 'old.pt')",
    "move away": "os.rename(kept / 'model.pt', free / 'model.pt')",
    "hard link": "os.link(kept / 'model.pt', free / 'model.pt')",
    "make a folder": "(kept / 'new').mkdir()",
    "make a pipe": "os.mkfifo(kept / 'new')",
    "make a link": "os.symlink('x', kept / 'new')",
    "write through a link": "os.symlink(kept / 'model.pt', free / 'l'); open(free / 'l', 'w')",
    "make a device": "open('/dev/new', 'w')",
}


@pytest.mark.slow
@needs_landlock
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_nothing_outside_can_be_changed(tmp_path, change):
    program = f"""
        try:
            {change}
        except OSError as error:
            print(error.strerror)
    """
    assert restricted(tmp_path, program).strip() in ("Permission denied", "Invalid cross-device link")
    assert untouched(tmp_path)


@needs_landlock
def test_native_writers_and_other_programs_are_also_restricted(tmp_path):
    program = """
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.open(str(kept / 'model.pt').encode(), os.O_WRONLY | os.O_TRUNC) == -1
        print(os.strerror(ctypes.get_errno()))
        print(subprocess.run(['rm', '-rf', str(kept)], capture_output=True, text=True).stderr)
        if os.fork() == 0:
            (kept / 'from a worker').write_text('')
        os.wait()
    """
    said = restricted(tmp_path, program)
    assert said.count("Permission denied") == 2
    assert untouched(tmp_path)


@needs_landlock
def test_a_thread_started_later_is_also_restricted(tmp_path):
    program = """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(1) as pool:
            print(repr(pool.submit((kept / 'new').write_text, '').exception()))
    """
    assert "Permission denied" in restricted(tmp_path, program)


@needs_landlock
def test_what_is_allowed_still_works(tmp_path):
    program = """
        (free / 'a').mkdir()
        (free / 'a/x').write_text('x')
        if landlock_version() >= 2:
            os.rename(free / 'a/x', free / 'y')
        os.truncate(free / 'y', 0)
        (free / 'y').unlink()
        print((kept / 'model.pt').read_bytes())
        Path('/dev/null').write_text('x')
        from multiprocessing import Lock, shared_memory
        Lock()
        block = shared_memory.SharedMemory(create=True, size=10)
        block.close(); block.unlink()
        Path('/proc/self/comm').write_text('renamed')
    """
    program = "        from descend.doctor.sandbox.landlock import landlock_version\n" + program
    assert restricted(tmp_path, program).strip() == "b'weights'"


@pytest.mark.parametrize("version", range(0, 8))
def test_each_landlock_version_gets_only_the_rights_that_it_supports(monkeypatch, version):
    requested = []

    def call(number: int, *arguments: object) -> int:
        if arguments[0] is None:
            return version or -1
        if number == 444:
            requested.append(ctypes.cast(arguments[0], ctypes.POINTER(ctypes.c_uint64))[0])
        return -1

    monkeypatch.setattr(landlock, "_call_kernel", call)
    assert landlock.restrict_writes([]) is False
    expected = {0: [], 1: [0x1FF2], 2: [0x3FF2], 3: [0x7FF2], 4: [0x7FF2]}.get(version, [0xFFF2])
    assert requested == expected


def test_a_kernel_without_landlock_is_reported(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert landlock.landlock_version() == 0
    assert landlock.restrict_writes([]) is False
