"""Count the distinct examples in the first batches, and compute fingerprints of them."""

import hashlib
from collections.abc import Sequence

from torch import Tensor

from descend.doctor.instrumentation.fingerprints import bytes_of, value_bytes
from descend.doctor.measure.replay import slot_value
from descend.doctor.measure.snapshot import Forward, Unavailable


def summarise_examples(forwards: Sequence[Forward]) -> tuple[int, str, str, str]:
    """Return the number of distinct examples, and fingerprints of the targets, of all data, and of the loss's targets.

    The last fingerprint is "" if the targets of a loss are not known for some batch.
    """
    rows = [_hash_examples(forward) for forward in forwards]
    content = hashlib.sha256(b"".join(row for each in rows for row in each)).hexdigest()[:16]
    of_targets = targets_fingerprint(forwards) if all(found.pair is not None for found in forwards) else ""
    return _count_distinct(forwards, rows), targets_fingerprint(forwards), content, of_targets


def count_distinct_examples(forwards: Sequence[Forward]) -> int:
    """Return the number of examples in the batches, without examples that repeat one of an earlier batch.

    An example is a row of the inputs with its target. If inputs and targets differ in their number of rows (graphs,
    tokens), whole batches are compared instead.
    """
    return _count_distinct(forwards, [_hash_examples(forward) for forward in forwards])


def _count_distinct(forwards: Sequence[Forward], rows_of_each: Sequence[list[bytes]]) -> int:
    """Return the number of distinct examples in the batches, given the fingerprints of each batch's examples."""
    seen: set[bytes] = set()
    count = 0.0
    for forward, rows in zip(forwards, rows_of_each):
        new = sum(row not in seen for row in rows)
        count += forward.recording.batch_size * new / len(rows)
        seen.update(rows)
    return round(count)


def _hash_examples(forward: Forward) -> list[bytes]:
    """Return a hash of each example in a batch, or one hash of the batch if inputs and targets differ in length."""
    parts = [tensor for tensor in (_network_inputs(forward), forward.pair and forward.pair[1]) if tensor is not None]
    sizes = {len(tensor) if tensor.ndim else 0 for tensor in parts}
    if len(sizes) == 1 and (size := sizes.pop()) > 0:
        return [_hash([tensor[i] for tensor in parts]) for i in range(size)]
    return [_hash(parts or list(forward.recording.data.values()))]


def _network_inputs(forward: Forward) -> Tensor | None:
    """Return the network's inputs in a forward pass; None if they are not available."""
    slot = forward.recording.input_slot
    try:
        return None if slot is None else slot_value(forward.recording, slot)
    except Unavailable:
        return None


def _hash(tensors: Sequence[Tensor]) -> bytes:
    """Return a fingerprint (16-byte hash) of the tensors' bytes."""
    return hashlib.blake2b(b"|".join(bytes_of(tensor) for tensor in tensors), digest_size=16).digest()


def targets_fingerprint(forwards: Sequence[Forward]) -> str:
    """Return a fingerprint of the targets. If it differs between two runs, they were trained on different examples."""
    sha = hashlib.sha256()
    for found in forwards:
        integers = [t for t in found.recording.data.values() if not t.is_floating_point() and t.numel() > 1]
        for tensor in integers if found.pair is None else [found.pair[1]]:
            sha.update(value_bytes(tensor))
        sha.update(b"|")
    return sha.hexdigest()[:16]
