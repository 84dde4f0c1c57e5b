"""Fingerprints of an evaluation's data: two runs with equal fingerprints are evaluated on the same task."""

import hashlib
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from descend.doctor.instrumentation.fingerprints import value_bytes
from descend.doctor.measure.evaluation_inputs import compared_slots
from descend.doctor.measure.replay import run_without_graph
from descend.doctor.record import facts
from descend.doctor.tape import Op, Recording


def evaluation_data(recording: Recording, random: str) -> facts.EvaluationData:
    """Return fingerprints of an evaluation's targets, of its input data, and of the random state.

    Targets that are computed with parameters are left out, because they depend on the weights. Raises `Unavailable`.
    """
    parameters = recording.parameters.keys()
    slot = recording.input_slot
    fed, examples = (set(), 1) if slot is None else (recording.upstream_slots(slot), recording.sizes[slot])
    # A constant such as a class weight is not a target.
    targets = [s for s in compared_slots(recording) if recording.sizes[s] >= max(2, examples)]
    targets = [s for s in targets if parameters.isdisjoint(recording.upstream_slots(s))]
    data, values = _given_tensors(recording), _slot_values(recording, targets)
    inputs = [data[s] for s in sorted(fed) if s in data]
    return facts.EvaluationData(_digests(values[s] for s in targets if s in values), _digests(inputs), random)


def _given_tensors(recording: Recording) -> dict[int, Tensor]:
    """Return the tensors that the evaluation uses but does not compute, by their numbers (slots) in the recording."""
    return {**recording.data, **{slot: tensor for slot, (tensor, _) in recording.watched.items()}}


def _slot_values(recording: Recording, slots: list[int]) -> dict[int, Tensor]:
    """Return tensors by slot, at least those in `slots`; replay the evaluation if it computes some of them."""
    known = _given_tensors(recording)

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the result of a replayed call if it is a tensor whose slot is in `slots`."""
        if len(op.outputs) == 1 and op.outputs[0] in slots and isinstance(result, Tensor):
            known[op.outputs[0]] = result.detach().clone()

    if not known.keys() >= set(slots):
        run_without_graph(recording, watch)
    return known


def _digests(tensors: Iterable[Tensor]) -> tuple[str, ...]:
    """Return the SHA-256 digest of each tensor's values, shortened to 16 hexadecimal digits."""
    return tuple(hashlib.sha256(value_bytes(tensor)).hexdigest()[:16] for tensor in tensors)
