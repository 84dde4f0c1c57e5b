"""Merge the step times of all ranks into the record of rank 0, and summarise how each rank ended."""

import time
from statistics import median

from descend.doctor.assess.process_times import median_work_seconds
from descend.doctor.execution.pace import step_time_messages
from descend.doctor.record import Message, Note, Record
from descend.doctor.record.store import Store
from descend.doctor.script.run_names import EndReason

PATIENCE_S = 10.0  # seconds to wait until the other ranks have stored their records
EVERY_S = 0.25
MOST_LISTED = 8  # largest number of ranks that a summary lists one by one


def merge_ranks(record: Record, store: Store) -> str:
    """Add the step times of all other ranks to the record of rank 0, and return a summary of the ranks for the user."""
    size = int(record.environment["world_size"])
    others = _wait_for_ranks(record, store, size - 1)
    messages: list[Message] = [message for other in others for message in step_time_messages(other)]
    endings = _ending_messages(others, size)
    messages += [Note("ranks", text) for text in endings]
    record.extend(messages)
    with store.writer(record.run) as writer:
        writer.add(messages)
    return "; ".join([_step_times_message(record, size), *endings])


def _wait_for_ranks(record: Record, store: Store, count: int) -> list[Record]:
    """Wait a limited time until the other ranks have stored `count` records, and return the stored records."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = store.ranks(record)
        if sum(found.values()) >= count or time.monotonic() > until:
            return [store.load(run) for run in found]
        time.sleep(EVERY_S)


def _ending_messages(others: list[Record], size: int) -> list[str]:
    """Return one sentence for each rank that has no record or did not end normally."""
    known = {int(other.environment["rank"]): other for other in others}
    messages = [f"rank {rank} has no record" for rank in range(1, size) if rank not in known]
    for rank, other in known.items():
        if other.ending is None:
            messages.append(f"rank {rank} was cut off after at least {other.steps} steps")
        elif other.ending.reason not in (EndReason.FINISHED, EndReason.WINDOW):
            messages.append(f"rank {rank}: {other.ending.reason}, last message at step {other.ending.steps}")
    return messages


def _step_times_message(record: Record, size: int) -> str:
    """Return a phrase with the seconds per step, and with each rank's own seconds of work before the backward pass."""
    own = median_work_seconds(record)
    if not own:
        return f"{size} ranks"
    step = median(v for rank in record.places("step_seconds") for v in record.series("step_seconds", rank).values)
    slowest = sorted(own, key=lambda rank: -own[rank])[:MOST_LISTED]
    listed = ", ".join(f"rank {rank} {own[rank]:.2g} s" for rank in sorted(slowest, key=int))
    which = f"the {MOST_LISTED} slowest, " if len(own) > MOST_LISTED else ""
    return f"{size} ranks, {step:.2g} s per step; time before the backward pass, without waiting: {which}{listed}"
