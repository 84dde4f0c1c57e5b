"""Builds a kernel with the machine's C compiler, once: what was built is kept between runs."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

# no fused multiply-add: each operation is rounded as torch rounds it, and memory is what a step waits for
FLAGS = (
    "-O3",
    "-march=native",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fopenmp-simd",
    "-std=gnu11",
    "-shared",
    "-fPIC",
)
TIMEOUT_S = 60


class NoCompiler(Exception):
    """The machine has no C compiler, or it does not build what we write."""


def build(text: str) -> ctypes.CDLL:
    """Return the library that a C text makes. Raises `NoCompiler`."""
    compiler = _compiler()
    key = hashlib.sha256("\0".join([text, compiler, *FLAGS, _machine()]).encode()).hexdigest()[:24]
    library = _folder() / f"{key}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            source, built = Path(folder, "kernel.c"), Path(folder, "kernel.so")
            source.write_text(text)
            command = [compiler, *FLAGS, str(source), "-o", str(built), "-lm"]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise NoCompiler(f"{compiler} does not work: {error}") from None
            if done.returncode:
                raise NoCompiler(f"{compiler} fails: {(done.stderr.strip().splitlines() or ['?'])[0]}")
            os.replace(built, library)
    return ctypes.CDLL(str(library))


def _compiler() -> str:
    named = os.environ.get("CC", "")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if not found:
        raise NoCompiler(f"there is no C compiler {named}".rstrip() + " on this machine")
    return found


def _folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("DESCEND_KERNELS_DIR") or base / "descend" / "kernels")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="descend-kernels-"))
    return folder


@lru_cache(maxsize=1)
def _machine() -> str:
    """Return what `-march=native` means here: a home folder may be shared by unlike machines."""
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        flags = platform.processor()
    return f"{platform.machine()} {flags}"
