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
    slot = recording.input_slot
    fed, examples = (set(), 1) if slot is None else (recording.behind(slot), recording.sizes[slot])
    targets = [s for s in compared_slots(recording) if recording.sizes[s] >= max(2, examples)]  # no constants
    targets = [s for s in targets if parameters.isdisjoint(recording.behind(s))]
    data, values = _data(recording), _values(recording, targets)
    inputs = [data[s] for s in sorted(fed) if s in data]
    return facts.EvaluationData(_digests(values[s] for s in targets if s in values), _digests(inputs), random)


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


def _digests(tensors: Iterable[Tensor]) -> tuple[str, ...]:
    return tuple(hashlib.sha256(value_bytes(tensor)).hexdigest()[:16] for tensor in tensors)
