"""Run several searches in parallel, on the cores of this machine."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from pathlib import Path

import torch

from descend.core.worker_pool import worker_pool
from descend.discover.archive import Archive, Entry, best_entries
from descend.discover.searches import run_search
from descend.doctor.redaction.private import require_file

POLL_S = 2.0  # seconds between two reports of the progress
Announce = Callable[[int, float], None]  # number of evaluations so far, and seconds since the beginning


@dataclass(frozen=True)
class SearchPlan:
    """One seeded search."""

    search: str
    seed: int
    evaluations: int
    symbols: tuple[str, ...]
    proxies: tuple[str, ...]

    def path(self, folder: Path) -> Path:
        """Return the file of its evaluations. A search with more evaluations continues the same file."""
        what = json.dumps([self.search, self.symbols, self.proxies, torch.__version__])
        digest = hashlib.sha256(what.encode()).hexdigest()[:8]
        return folder / f"{self.search}-{digest}-{self.seed}.jsonl"


@dataclass(frozen=True)
class Found:
    """The result of a search."""

    plan: SearchPlan
    entries: tuple[Entry, ...]  # in the order of the evaluations
    proposed: int
    invalid: int

    @property
    def best(self) -> list[Entry]:
        """The entries that learn something, the best one first."""
        return best_entries(self.entries)


def run(plan: SearchPlan, path: Path | None) -> Found:
    """Run one search with one thread. path: the file of its evaluations; those that it holds are not made again."""
    torch.set_num_threads(1)
    archive = Archive(plan.evaluations, plan.proxies, path)
    run_search(plan.search, archive, plan.seed, plan.symbols)
    return Found(plan, tuple(archive.entries.values()), archive.proposed, archive.invalid)


def run_all(plans: Sequence[SearchPlan], folder: Path, jobs: int, announce: Announce) -> list[Found]:
    """Run several searches in processes. Ctrl-C ends them; their evaluations are kept in the folder."""
    paths = [plan.path(folder) for plan in plans]
    for path in paths:
        require_file(path)
    began, before = time.monotonic(), sum(map(_evaluations_in, paths))
    with worker_pool(min(jobs, len(plans))) as pool:
        futures = [pool.submit(run, plan, path) for plan, path in zip(plans, paths)]
        left = set(futures)
        while left:
            _, left = wait(left, POLL_S, FIRST_COMPLETED)
            announce(sum(map(_evaluations_in, paths)) - before, time.monotonic() - began)
        return [future.result() for future in futures]


def stored(plan: SearchPlan, folder: Path) -> Found:
    """Return what an interrupted search has evaluated so far, without evaluating anything."""
    path = plan.path(folder)
    return run(SearchPlan(plan.search, plan.seed, _evaluations_in(path), plan.symbols, plan.proxies), path)


def _evaluations_in(path: Path) -> int:
    """Return the number of complete lines of a file."""
    return path.read_bytes().count(b"\n") if path.exists() else 0
