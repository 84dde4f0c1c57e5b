"""Fingerprints of what an evaluation compares: two runs with the same ones are measured by the same task."""

import hashlib
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from descend.doctor.observing.fingerprint import value_bytes
from descend.doctor.probes.evaluated import compared_slots
from descend.doctor.probes.feeding import run_watched
from descend.doctor.record import facts
from descend.doctor.tape import Op, Recording


def evaluation_data(recording: Recording, random: str) -> facts.EvaluationData:
    """Return the fingerprints of the targets, as they meet the outputs, and of the data that the inputs are made of.

    Targets that are made with parameters are left out: other weights give other ones. Raises `Unavailable`.
    """
    parameters = recording.parameters.keys()
    targets = [slot for slot in compared_slots(recording) if recording.sizes[slot] > 1]
    targets = [slot for slot in targets if parameters.isdisjoint(recording.behind(slot))]
    fed = set() if recording.input_slot is None else recording.behind(recording.input_slot)
    known = _values(recording, targets)
    inputs = [tensor for slot, tensor in sorted(_data(recording).items()) if slot in fed]
    return facts.EvaluationData(_digest(known[slot] for slot in targets if slot in known), _digest(inputs), random)


def _data(recording: Recording) -> dict[int, Tensor]:
    """Return the tensors that no call of the evaluation makes."""
    return {**recording.data, **{slot: tensor for slot, (tensor, _) in recording.watched.items()}}


def _values(recording: Recording, slots: list[int]) -> dict[int, Tensor]:
    known = _data(recording)

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if len(op.outputs) == 1 and op.outputs[0] in slots and isinstance(result, Tensor):
            known[op.outputs[0]] = result.detach().clone()

    if not known.keys() >= set(slots):
        run_watched(recording, watch)
    return known


def _digest(tensors: Iterable[Tensor]) -> str:
    """Return a fingerprint of the tensors' values; "" where there are none."""
    values = [value_bytes(tensor) for tensor in tensors]
    return hashlib.sha256(b"|".join(values)).hexdigest()[:16] if values else ""
