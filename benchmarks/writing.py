"""What handing a step's readings over costs the training thread, and what reading them back costs."""

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from side_by_side import paired

from descend.doctor.instrumentation.channel import Channel
from descend.doctor.record import Reading, Record
from descend.doctor.record.store import open_store

STEPS = 100_000
READINGS, QUANTITIES, PAIRS = 1_000_000, 100, 5


def writing() -> str:
    """Return the microseconds that one step's two readings take from the training thread."""
    reader, writer = os.pipe()
    drain = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reader, 1 << 16), b"")])
    drain.start()
    channel = Channel(writer, os.dup(writer))
    began = time.perf_counter()
    for step in range(STEPS):
        channel.send([Reading("loss", "0", step, 1.0), Reading("learning_rate", "0", step, 0.1)])
    cost = (time.perf_counter() - began) / STEPS
    channel.close_pipes()
    drain.join()
    return f"{cost * 1e6:.1f} µs a step"


def loading() -> str:
    """Return how long a million readings take to be loaded from the store, over `json.loads` of the same ones."""
    readings = [Reading(f"quantity {k % QUANTITIES}", "0", k // QUANTITIES, 0.1 * k) for k in range(READINGS)]
    lines = [json.dumps(reading) for reading in readings]
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder)) as store:
        number = store.begin(Record())
        with store.writer(number) as writer:
            writer.add(readings)
        read, parsed = (lambda: store.load(number)), (lambda: [json.loads(line) for line in lines])
        return str(paired(lambda: _seconds(read), lambda: _seconds(parsed), PAIRS))


def _seconds(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began
