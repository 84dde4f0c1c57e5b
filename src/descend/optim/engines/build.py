"""Compilation of kernels with the machine's C compiler; the libraries are cached on disk between runs."""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

# Without fused multiply-add, each operation is rounded as in torch. Fusing would save no time: steps are memory-bound.
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
    """Raised if this machine has no C compiler, or if the compiler cannot build a kernel."""


def build_library(source_code: str) -> ctypes.CDLL:
    """Compile C source code, and return the loaded library. Compiled libraries are cached on disk."""
    compiler = _find_compiler()
    key = hashlib.sha256("\0".join([source_code, compiler, *FLAGS, _cpu_features()]).encode()).hexdigest()[:24]
    library = _cache_folder() / f"{key}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as folder:
            source, compiled = Path(folder, "kernel.c"), Path(folder, "kernel.so")
            source.write_text(source_code)
            command = [compiler, *FLAGS, str(source), "-o", str(compiled), "-lm"]
            try:
                result = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise NoCompiler(f"{compiler} does not work: {error}") from None
            if result.returncode:
                raise NoCompiler(f"{compiler} fails: {(result.stderr.strip().splitlines() or ['?'])[0]}")
            os.replace(compiled, library)
    return ctypes.CDLL(str(library))


def _find_compiler() -> str:
    """Return the path of the C compiler: the one in the environment variable CC, or else cc, gcc or clang."""
    requested = os.environ.get("CC", "")
    found = (
        shutil.which(requested) if requested else next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    )
    if not found:
        raise NoCompiler(f"this machine has no C compiler {requested}".rstrip())
    return found


def _cache_folder() -> Path:
    """Return the folder for cached kernels; a temporary folder if the cache folder cannot be created."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("DESCEND_KERNELS_DIR") or base / "descend" / "kernels")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="descend-kernels-"))
    return folder


@lru_cache(maxsize=1)
def _cpu_features() -> str:
    """Return the CPU's architecture and instruction sets, which determine the code for `-march=native`.

    Different machines may share one cache folder.
    """
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        flags = platform.processor()
    return f"{platform.machine()} {flags}"
