"""Workers that wait for the slowest one: predictions for up to 1000 workers, measurements, and remedies."""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from math import exp
from pathlib import Path
from statistics import fmean, median

from side_by_side import HERE
from torch import multiprocessing

from descend.core.turns import in_step, take_turns
from descend.doctor.assess.process_times import predicted_speedups
from descend.doctor.record.store import open_store
from descend.parallel.cost import Layer, Link, Work, forecast
from descend.parallel.layout import Layout

SLEEPERS, STEPS, MEAN, SPREAD = 4, 40, 0.05, 0.3
SIMULATED = 400  # steps
WORLDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
LINK = Link(1.25e9, 2e-5)  # a network link of 10 Gbit/s, since processes on this machine communicate by memory
STEP, WEIGHTS, BATCH = 0.2, 12e6, 2048  # from the section `splits`: seconds for half a batch, bytes of gradients
TRIED = {  # remedy -> its name in `descend watch`
    "balanced": "shares that go with their speed",
    "backup": "the slowest of each step dropped",
    "local": "10 local steps between two meetings",
    "elastic": "asynchronous",
}
Seconds = Callable[[int], float]


def of_stragglers(write: Callable[..., None]) -> None:
    """Measure and simulate groups of workers of which one is slow."""
    write(
        f"Steps of a worker take {MEAN * 1e3:.0f} ms times e^({SPREAD}·N(0, 1)). {SLEEPERS} processes that sleep so",
        "long and meet at a barrier, or never, against the simulation of the same draws:",
        "",
        "| scheme | seconds, measured | simulated |",
        "|---|---|---|",
    )
    for name, meets in (("all meet after each step", True), ("no worker waits", False)):
        write(f"| {name} | {sleeping(meets):.2f} | {foreseen(meets):.2f} |")
    write(
        "",
        "Speed in gradients a second, over one worker's, where each has a batch of its own. One of the workers may be",
        "four times as slow as the others.",
        "",
        "| workers | one slow | all wait | 1 in 16 dropped (at least 1) | 10 local steps | asynchronous |",
        "|---|---|---|---|---|---|",
    )
    for workers in (4, 16, 64, 256, 1000):
        for slow in (False, True):
            write(f"| {workers} | {'yes' if slow else 'no'} | {' | '.join(speeds(workers, slow))} |")
    write(
        "",
        "A real group of four processes, one of them three times as slow: examples a second over those of the group in",
        "which all wait, as `descend watch` predicts them from the times of that one, and as measured.",
        "",
        "| remedy | predicted | measured |",
        "|---|---|---|",
    )
    gains, now = watched()
    for remedy, name in TRIED.items():
        write(f"| {name} | {gains[name]:.2f} | {_launched(remedy) / now:.2f} |")
    write(
        "",
        f"A step of {STEP * 2:.1f} s on one worker, one batch divided among all, {WEIGHTS / 1e6:.0f} MB of gradients",
        "over 10 Gbit/s and 0.02 ms: speed over one worker's, predicted as `descend layout` does.",
        "",
        "| workers | " + " | ".join(map(str, WORLDS)) + " |",
        "|---" * (len(WORLDS) + 1) + "|",
    )
    work = Work((Layer("all", 0.0, 2 * STEP / BATCH, 0, 0, WEIGHTS),), BATCH)
    found = [forecast(work, Layout(data=world), LINK) for world in WORLDS]
    write("| speed | " + " | ".join(f"{found[0].seconds / each.seconds:.1f}" for each in found) + " |")
    write("| waiting | " + " | ".join(f"{each.waiting / each.seconds:.0%}" for each in found) + " |")


def watched() -> tuple[dict[str, float], float]:
    """Return the speed-ups that `descend watch` predicts for a group, and the group's examples per second."""
    with tempfile.TemporaryDirectory() as folder:
        _launched("equal", "-m", "descend", "watch", "--store", folder)
        with open_store(Path(folder)) as store:
            record = store.load(store.runs()[0].number)
    step = median(record.series("step_seconds", "0").values)
    return predicted_speedups(record, step), _launched("equal")


def _launched(remedy: str, *through: str) -> float:
    """Return the examples per second of `straggler_trainings.py` with this remedy."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4", *through]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    program = [str(HERE / "straggler_trainings.py"), remedy]
    done = subprocess.run([*command, *program], capture_output=True, text=True, env=environment, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def speeds(workers: int, slow: bool) -> list[str]:
    """Return the simulated speed of each scheme, in gradients per second relative to one worker."""

    def seconds() -> Seconds:
        generator = random.Random(0)
        return lambda worker: MEAN * exp(SPREAD * generator.gauss(0, 1)) * (4 if slow and worker == 0 else 1)

    dropped = max(1, workers // 16)
    one = fmean(MEAN * exp(SPREAD * random.Random(k).gauss(0, 1)) for k in range(4000))
    steps = max(40, SIMULATED // workers)
    turns = take_turns([lambda: None] * workers, seconds(), steps * workers)
    found = (
        steps * workers / in_step(seconds(), workers, steps),
        steps * (workers - dropped) / in_step(seconds(), workers, steps, backups=dropped),
        steps * workers / in_step(seconds(), workers, steps, local=10),
        len(turns) / turns[-1].time,
    )
    return [f"{each * one:.1f}" for each in found]


def drawn(worker: int) -> list[float]:
    """Return the seconds of each of a worker's steps, for both the sleeping processes and the simulation."""
    generator = random.Random(worker)
    return [MEAN * exp(SPREAD * generator.gauss(0, 1)) for _ in range(STEPS)]


def sleeping(meets: bool) -> float:
    """Return the seconds until the last of several processes has slept for all its steps."""
    context = multiprocessing.get_context("fork")
    start, barrier = context.Barrier(SLEEPERS + 1), context.Barrier(SLEEPERS)
    running = [context.Process(target=_sleep, args=(k, start, barrier if meets else None)) for k in range(SLEEPERS)]
    for process in running:
        process.start()
    start.wait()
    began = time.perf_counter()
    for process in running:
        process.join()
    return time.perf_counter() - began


def foreseen(meets: bool) -> float:
    """Return the simulated seconds until the last process has finished all its steps."""
    rows = [iter(drawn(k)) for k in range(SLEEPERS)]
    if meets:
        return in_step(lambda worker: next(rows[worker]), SLEEPERS, STEPS)
    return max(sum(row) for row in rows)


def _sleep(worker: int, start: object, barrier: object | None) -> None:
    """Sleep for each of a worker's steps, and wait for the other workers after each step if there is a barrier."""
    steps = drawn(worker)
    start.wait()
    for step in steps:
        time.sleep(step)
        if barrier is not None:
            barrier.wait()
