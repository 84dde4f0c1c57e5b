"""Side by side: two commands in turn, and the ratios of their pairs."""

import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from origins import with_origins

HERE = Path(__file__).parent
ROOT = HERE.parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Ratio:
    """Paired ratios A/B: least, median, largest."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3f} ({self.low:.3f} to {self.high:.3f})"


def paired(first: Callable[[], float], second: Callable[[], float], pairs: int) -> Ratio:
    """Measure both in turn, A B B A A B …, after one warm-up of each."""
    first(), second()
    ratios = []
    for pair in range(pairs):
        if pair % 2:
            below, above = second(), first()
        else:
            above, below = first(), second()
        ratios.append(above / below)
    ratios.sort()
    return Ratio(ratios[0], statistics.median(ratios), ratios[-1])


def run(*command: str) -> tuple[float, str]:
    """Return the wall clock of a command in seconds, and what it printed."""
    with tempfile.TemporaryDirectory() as store:
        began = time.perf_counter()
        filled = [part.replace("{store}", store) for part in command]
        done = subprocess.run(filled, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
        return time.perf_counter() - began, done.stdout


def descend(*arguments: str) -> list[str]:
    """Return the command line of `descend` with a store that is thrown away."""
    command, *rest = arguments
    return [sys.executable, "-m", "descend", command, "--store", "{store}", *rest]


def machine() -> str:
    """Return what the figures were measured on."""
    import torch

    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), "?")
    return (
        f"{cpu}, {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def fill_section(page: Path, head: str, name: str, fill: Callable[[Callable[..., None]], None]) -> None:
    """Measure one section of a page and put it in its place there, the others as they are.

    head: of a page that does not exist yet. `fill(write)` measures, and writes lines as they come.
    """
    lines = [*with_origins(page.name, f"## {name.capitalize()}"), "", f"On: {machine()}.", ""]

    def write(*more: str) -> None:
        print("\n".join(more), flush=True)
        lines.extend(more)

    fill(write)
    text = page.read_text(encoding="utf-8") if page.exists() else head
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    known = {part.split("\n")[0]: part for part in parts[1:]}
    known[lines[0]] = "\n".join(lines)
    page.write_text("\n".join(part.rstrip() + "\n" for part in (parts[0], *known.values())), encoding="utf-8")
