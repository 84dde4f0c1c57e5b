"""How many examples the first batches hold, each counted once: a small data set comes round again."""

import hashlib
from collections.abc import Sequence

from torch import Tensor

from descend.doctor.observing.fingerprint import bytes_of, value_bytes
from descend.doctor.probes.feeding import value_of
from descend.doctor.probes.snapshot import Forward, Unavailable


def told_of(forwards: Sequence[Forward]) -> tuple[int, str, str, str]:
    """Return how many of the examples are distinct, and fingerprints: `digest`, of all that they hold, of the targets.

    The last one is "" where one of them does not show what its loss compares the outputs with.
    """
    rows = [_rows(forward) for forward in forwards]
    content = hashlib.sha256(b"".join(row for each in rows for row in each)).hexdigest()[:16]
    of_targets = digest(forwards) if all(found.pair is not None for found in forwards) else ""
    return _distinct(forwards, rows), digest(forwards), content, of_targets


def distinct(forwards: Sequence[Forward]) -> int:
    """Return how many of the batches' examples are not ones of an earlier batch again, by what they hold.

    An example is a row of the inputs with its target; where inputs and targets have other numbers of rows (a graph,
    tokens) batches are told apart by their targets and inputs as a whole.
    """
    return _distinct(forwards, [_rows(forward) for forward in forwards])


def _distinct(forwards: Sequence[Forward], rows_of_each: Sequence[list[bytes]]) -> int:
    seen: set[bytes] = set()
    count = 0.0
    for forward, rows in zip(forwards, rows_of_each):
        new = sum(row not in seen for row in rows)
        count += forward.recording.examples * new / len(rows)
        seen.update(rows)
    return round(count)


def _rows(forward: Forward) -> list[bytes]:
    """Return a fingerprint of each example, or one of them all."""
    parts = [tensor for tensor in (_inputs(forward), forward.pair and forward.pair[1]) if tensor is not None]
    sizes = {len(tensor) if tensor.ndim else 0 for tensor in parts}
    if len(sizes) == 1 and (size := sizes.pop()) > 0:
        return [_print_of([tensor[i] for tensor in parts]) for i in range(size)]
    return [_print_of(parts or list(forward.recording.data.values()))]


def _inputs(forward: Forward) -> Tensor | None:
    slot = forward.recording.input_slot
    try:
        return None if slot is None else value_of(forward.recording, slot)
    except Unavailable:
        return None


def _print_of(tensors: Sequence[Tensor]) -> bytes:
    return hashlib.blake2b(b"|".join(bytes_of(tensor) for tensor in tensors), digest_size=16).digest()


def digest(forwards: Sequence[Forward]) -> str:
    """Return a fingerprint of the examples' targets: runs that differ in it were not shown the same examples."""
    sha = hashlib.sha256()
    for found in forwards:
        integers = [t for t in found.recording.data.values() if not t.is_floating_point() and t.numel() > 1]
        for tensor in integers if found.pair is None else [found.pair[1]]:
            sha.update(value_bytes(tensor))
        sha.update(b"|")
    return sha.hexdigest()[:16]
