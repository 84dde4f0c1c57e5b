"""One record of all ranks: how long the steps of each take, and how each has ended."""

import time
from statistics import median

from descend.doctor.record import Message, Note, Record
from descend.doctor.record.store import Store
from descend.doctor.run.pace import readings
from descend.doctor.symptoms.stragglers import own_seconds

PATIENCE_S = 10.0  # for the others to have written their last
EVERY_S = 0.25
LISTED = 8  # ranks that are told one by one


def gather(record: Record, store: Store) -> str:
    """Bring the step times of the other ranks into rank 0's record and its place in the store; say what they are."""
    size = int(record.environment["world_size"])
    others = _waited_for(record, store, size - 1)
    messages: list[Message] = [message for other in others for message in readings(other)]
    endings = _endings(others, size)
    messages += [Note("ranks", text) for text in endings]
    record.extend(messages)
    with store.writer(record.run) as writer:
        writer.add(messages)
    return "; ".join([_times(record, size), *endings])


def _waited_for(record: Record, store: Store, count: int) -> list[Record]:
    until = time.monotonic() + PATIENCE_S
    while True:
        found = store.ranks(record)
        if sum(found.values()) >= count or time.monotonic() > until:
            return [store.load(run) for run in found]
        time.sleep(EVERY_S)


def _endings(others: list[Record], size: int) -> list[str]:
    """Return what is to be said of those that did not run to their end like the first."""
    known = {int(other.environment["rank"]): other for other in others}
    told = [f"of rank {rank} there is no record" for rank in range(1, size) if rank not in known]
    for rank, other in known.items():
        if other.ending is None:
            told.append(f"rank {rank} was cut off after at least {other.steps} steps")
        elif other.ending.reason not in ("finished", "window"):
            told.append(f"rank {rank}: {other.ending.reason}, last heard of at step {other.ending.steps}")
    return told


def _times(record: Record, size: int) -> str:
    own = own_seconds(record)
    if not own:
        return f"{size} ranks"
    step = median(v for rank in record.places("step_seconds") for v in record.series("step_seconds", rank).values)
    slowest = sorted(own, key=lambda rank: -own[rank])[:LISTED]
    listed = ", ".join(f"rank {rank} {own[rank]:.2g} s" for rank in sorted(slowest, key=int))
    which = f"the {LISTED} slowest, " if len(own) > LISTED else ""
    return f"{size} ranks, {step:.2g} s a step; before the backward pass, where none waits: {which}{listed}"
